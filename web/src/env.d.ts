/** The configuration files run in Node; this is all of it that they use. */
declare const process: { env: Record<string, string | undefined> };
