import clsx from "clsx";

/** Outline icons on a 16 px grid, drawn for this interface; the strokes are 1.5 px. */
const paths = {
  home: "M2.5 7.5 8 3l5.5 4.5V13h-4V9.5h-3V13h-4z",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.5 10.5l3 3",
  bell: "M4 11V7a4 4 0 0 1 8 0v4l1 1.5H3L4 11ZM6.5 12.5a1.5 1.5 0 0 0 3 0",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5Z",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1.8v1.4M8 12.8v1.4M1.8 8h1.4M12.8 8h1.4M3.6 3.6l1 1M11.4 11.4l1 1M3.6 12.4l1-1M11.4 4.6l1-1",
  screen: "M2.5 3.5h11v7.5h-11zM6 13.5h4M8 11v2.5",
  down: "m4 6 4 4 4-4",
  up: "m4 10 4-4 4 4",
  right: "m6 4 4 4-4 4",
  left: "m10 4-4 4 4 4",
  upDown: "m5 6.5 3-3 3 3M5 9.5l3 3 3-3",
  play: "M5 3.5v9l7-4.5z",
  stop: "M4.5 4.5h7v7h-7z",
  pause: "M5.5 4v8M10.5 4v8",
  calendar: "M3 4.5h10v8.5H3zM3 7h10M5.5 3v2.5M10.5 3v2.5",
  clock: "M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM8 5v3l2 1.5",
  tag: "M3 3h5l5 5-5 5-5-5zM5.5 5.5h.01",
  more: "M4 8h.01M8 8h.01M12 8h.01",
  close: "m4 4 8 8M12 4l-8 8",
  copy: "M6 6h7v7H6zM10 6V3H3v7h3",
  external: "M9 3h4v4M13 3 7.5 8.5M11 9.5V13H3V5h3.5",
  download: "M8 3v7M5 7.5 8 10.5l3-3M3 13h10",
  plus: "M8 3.5v9M3.5 8h9",
  check: "m3.5 8.5 3 3 6-7",
  arrowRight: "M3 8h10M9.5 4.5 13 8l-3.5 3.5",
  lock: "M4 7.5h8V13H4zM5.5 7.5V5.5a2.5 2.5 0 0 1 5 0v2",
  shield: "M8 2.5 3.5 4v4c0 3 2 4.7 4.5 5.5 2.5-.8 4.5-2.5 4.5-5.5V4z",
  undo: "M3 6.5h6.5a3.5 3.5 0 0 1 0 7H6M3 6.5l3-3M3 6.5l3 3",
  refresh: "M13 4v3h-3M3 12V9h3M12.5 7A5 5 0 0 0 4 5M3.5 9A5 5 0 0 0 12 11",
  list: "M3 4h2M3 8h2M3 12h2M7 4h6M7 8h6M7 12h6",
  organization: "M3 13.5v-11h6v11M9 6h4v7.5M2 13.5h12M5 5.5h2M5 8h2M5 10.5h2",
  workspace: "m8 2.5 5.5 3L8 8.5l-5.5-3zM2.5 8 8 11l5.5-3M2.5 10.5l5.5 3 5.5-3",
  settings: "M3 5h6M12 5h1M3 11h1M7 11h6M10.5 3.5v3M5.5 9.5v3",
  key: "M5.5 13.2a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4ZM7.5 8.6 13 3M10.6 5.4l1.9 1.9",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  columns: "M3 3h10v10H3zM6.5 3v10M9.8 3v10",
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  eyeOff: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM3 13 13 3",
  info: "M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM8 7.5V11M8 5.2v.01",
  machine: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01M8 5h3M8 11h3",
  cloud: "M4.5 12.5a3 3 0 0 1-.3-6 4 4 0 0 1 7.6 1 2.6 2.6 0 0 1-.3 5z",
  trash: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.5 8.5h6l.5-8.5",
  mail: "M2.5 4h11v8h-11zM2.5 4.5 8 9l5.5-4.5",
  send: "M13.5 2.5 7 9M13.5 2.5l-4 11L7 9 2.5 6.5z",
  edit: "M3 13h2.5L13 5.5 10.5 3 3 10.5zM9 4.5 11.5 7",
  exit: "M9.5 3H3.5v10h6M6.5 8h7M11 5.5 13.5 8 11 10.5",
  language:
    "M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM2.5 8h11M8 2.5c2 1.8 2.5 3.5 2.5 5.5S10 11.7 8 13.5C6 11.7 5.5 10 5.5 8S6 4.3 8 2.5Z",
  density: "M3 3.5h10M3 6.5h10M3 9.5h10M3 12.5h10",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, className }: { name: IconName; className?: string }) {
  return (
    <svg className={clsx("ic", className)} viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

/** The mark of the product. */
export function Mark() {
  return (
    <svg viewBox="0 0 20 20" aria-hidden="true" fill="none">
      <path d="M15.3 4.7a7.5 7.5 0 1 0 0 10.6" stroke="currentColor" strokeWidth="2.6" />
      <path d="M10 10h9" stroke="var(--accent)" strokeWidth="2.6" />
    </svg>
  );
}
