// Runs before the first paint, so that a chosen theme or density does not flash.
for (const name of ["theme", "density"]) {
  try {
    const value = localStorage.getItem(`cloudhub.${name}`);
    if (value && value !== "system") document.documentElement.dataset[name] = value;
  } catch {
    // Storage can be forbidden; the system's choice stands.
  }
}
