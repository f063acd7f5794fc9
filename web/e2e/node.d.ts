/** The configuration files run in Node; this is all of it that they use. */
declare const process: { env: Record<string, string | undefined> };
/** The little of Node that the journeys and some tests use; its whole types are not worth a dependency. */
declare const Buffer: {
  concat(parts: readonly Uint8Array[]): Uint8Array & { toString(encoding?: "utf8"): string };
  from(text: string): never;
};
declare module "node:fs" {
  export function readFileSync(path: string, encoding: "utf8"): string;
  export function copyFileSync(from: string, to: string): void;
  export function mkdtempSync(prefix: string): string;
  export function rmSync(path: string, options: { recursive: boolean; force: boolean }): void;
}
declare module "node:os" {
  export function tmpdir(): string;
}
declare module "node:path" {
  export function dirname(path: string): string;
  export function join(...parts: string[]): string;
}
declare module "node:url" {
  export function fileURLToPath(url: string): string;
}
declare module "node:crypto" {
  interface Mac {
    update(data: string | Uint8Array): Mac;
    digest(encoding: "hex" | "base64"): string;
  }
  export function createHmac(algorithm: "sha256", key: Uint8Array): Mac;
}
declare module "node:http" {
  export interface Incoming extends AsyncIterable<Uint8Array> {
    method: string;
    url: string;
    headers: Record<string, string | undefined>;
  }
  export interface Outgoing {
    statusCode: number;
    setHeader(name: string, value: string): void;
    writeHead(status: number, headers: Record<string, string>): void;
    end(text?: string): void;
  }
  export interface Server {
    listen(port: number, host: string, ready: () => void): void;
    on(event: "error", heard: (error: Error) => void): void;
    address(): { port: number };
    close(closed?: (error?: unknown) => void): void;
    closeAllConnections(): void;
  }
  export function createServer(answer: (request: Incoming, response: Outgoing) => void | Promise<void>): Server;
}
declare module "node:child_process" {
  interface Stream {
    on(event: "data", heard: (some: unknown) => void): void;
  }
  interface Child {
    stdout: Stream;
    stderr: Stream;
    stdin: { on(event: "error", heard: () => void): void; end(text: string): void };
    on(event: "error", heard: (error: Error) => void): void;
    on(event: "close", heard: (status: number | null) => void): void;
  }
  export function spawn(
    file: string,
    args: string[],
    options: { cwd: string; env: Record<string, string | undefined> },
  ): Child;
  export function execFileSync(
    file: string,
    args: string[],
    options: { encoding: "utf8"; env: Record<string, string> },
  ): string;
}
