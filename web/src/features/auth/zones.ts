/** The zones most people here choose, before the long list. */
const near = [
  "America/Sao_Paulo",
  "America/Manaus",
  "America/Cuiaba",
  "America/Fortaleza",
  "America/Recife",
  "America/Bahia",
  "America/Belem",
  "America/Rio_Branco",
  "America/Noronha",
];

let all: string[] | undefined;

export function zones(): readonly string[] {
  all ??= [...new Set([...near, ...Intl.supportedValuesOf("timeZone"), browserZone()])];
  return all;
}

export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "America/Sao_Paulo";
}
