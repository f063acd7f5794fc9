/**
 * JSON with a line for each member. The text itself is laid out anew, so that
 * numbers stay as they are written, however long. What is no JSON stays as it is.
 */
export function layOut(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  // Strings, marks, and the numbers and words between them.
  const parts = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let out = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  parts.forEach((part, index) => {
    const next = parts[index + 1];
    const before = parts[index - 1];
    if (part === "{" || part === "[") {
      out += part;
      if (next === "}" || next === "]") return;
      depth++;
      out += line();
    } else if (part === "}" || part === "]") {
      if (before !== "{" && before !== "[") {
        depth--;
        out += line();
      }
      out += part;
    } else if (part === ",") out += part + line();
    else if (part === ":") out += ": ";
    else out += part;
  });
  return out;
}
