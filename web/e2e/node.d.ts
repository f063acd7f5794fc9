/** The little of Node that the journeys use; its whole types are not worth a dependency. */
declare module "node:fs" {
  export function readFileSync(path: string, encoding: "utf8"): string;
}
declare module "node:child_process" {
  export function execFileSync(
    file: string,
    args: string[],
    options: { encoding: "utf8"; env: Record<string, string> },
  ): string;
}
declare module "node:http" {
  export interface Server {
    listen(port: number, host: string, done: () => void): void;
    on(event: "error", heard: (error: Error) => void): void;
    close(): void;
  }
  export function createServer(
    answer: (
      request: unknown,
      response: { writeHead(status: number, headers: Record<string, string>): void; end(body: string): void },
    ) => void,
  ): Server;
}
declare const Buffer: { from(text: string): never };
