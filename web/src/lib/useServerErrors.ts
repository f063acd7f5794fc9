import { useCallback } from "react";
import type { FieldPath, FieldValues, UseFormReturn } from "react-hook-form";
import { type AppError, toAppError } from "./errors";

/**
 * Puts the violations of an answer at their fields and moves the focus to the
 * first one. `map` names the form's field for a path of the contract, in the
 * order of the form. Returns what could not be put at a field, to be shown
 * above the actions, or undefined when all of it was.
 */
export function useServerErrors<Values extends FieldValues>(
  form: UseFormReturn<Values>,
  map: Readonly<Record<string, FieldPath<Values>>>,
) {
  const { setError, setFocus } = form;
  return useCallback(
    (thrown: unknown): AppError | undefined => {
      const error = toAppError(thrown);
      const known = Object.keys(map)
        .map((path) => ({ path, violation: error.fields.find((field) => isOf(field.path, path)) }))
        .filter((entry) => entry.violation !== undefined);
      const placed = error.fields.filter((field) => Object.keys(map).some((path) => isOf(field.path, path)));
      for (const { path, violation } of known) {
        const field = map[path];
        if (field && violation) setError(field, { type: "server", message: violation.text });
      }
      const first = known[0] && map[known[0].path];
      if (first) setFocus(first);
      return known.length > 0 && placed.length === error.fields.length ? undefined : error;
    },
    [map, setError, setFocus],
  );
}

/** A field, or a part of it: "selector.tags[0].key" is of "selector". */
function isOf(field: string, path: string): boolean {
  return field === path || field.startsWith(`${path}.`) || field.startsWith(`${path}[`);
}
