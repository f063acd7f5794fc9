import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { i18n } from "@/i18n";
import { fakeError } from "@/test/fakes";
import { toAppError, worthRetrying } from "./errors";

describe("toAppError", () => {
  it("says the reason in the person's language, with its values and the request's id", async () => {
    const thrown = fakeError(Code.AlreadyExists, "ACCOUNT_EXISTS", {
      metadata: { external_id: "447122901836", name: "ipe-hml" },
    });
    expect(toAppError(thrown)).toMatchObject({
      reason: "ACCOUNT_EXISTS",
      text: "A conta 447122901836 já está neste workspace, com o nome ipe-hml.",
      requestId: "req_01KAT7Q2M9XF",
    });
    await i18n.changeLanguage("en");
    expect(toAppError(thrown).text).toContain("447122901836");
    expect(toAppError(thrown).text).not.toContain("já está");
    await i18n.changeLanguage("pt-BR");
  });

  it("lists violations by their path, with words for the rule that was broken", () => {
    const error = toAppError(
      fakeError(Code.InvalidArgument, "VALIDATION", {
        fields: { "aws_access_key.access_key_id": "string.pattern", name: "string.unheard_of" },
      }),
    );
    expect(error.fields).toEqual([
      { path: "aws_access_key.access_key_id", text: "Tem um caractere que não pode ou o tamanho errado." },
      { path: "name", text: "english text for string.unheard_of" },
    ]);
  });

  it("takes the id from the header when the details have none", () => {
    const bare = new ConnectError("boom", Code.Internal, new Headers({ "x-request-id": "req_header" }));
    expect(toAppError(bare)).toMatchObject({ reason: "INTERNAL", requestId: "req_header" });
  });

  it("knows a connection that failed from a server that did", () => {
    expect(
      toAppError(new ConnectError("x", Code.Unknown, undefined, undefined, new TypeError("Failed to fetch"))).reason,
    ).toBe("OFFLINE");
    expect(toAppError(new TypeError("Failed to fetch")).reason).toBe("OFFLINE");
  });

  it("does not try again what was refused", () => {
    expect(worthRetrying(new ConnectError("", Code.PermissionDenied))).toBe(false);
    expect(worthRetrying(new ConnectError("", Code.InvalidArgument))).toBe(false);
    expect(worthRetrying(new ConnectError("", Code.Unavailable))).toBe(true);
  });
});
