import type { GenFile } from "@bufbuild/protobuf/codegenv2";
import { fileDesc } from "@bufbuild/protobuf/codegenv2";

/**
 * Stands for buf/validate/validate.proto (vite.config.ts puts it there): the
 * generated files name it, but the rules are evaluated by the server alone, and
 * their description is a quarter of a megabyte. This is the same file by name,
 * without messages.
 */
export const file_buf_validate_validate: GenFile = fileDesc(
  "ChtidWYvdmFsaWRhdGUvdmFsaWRhdGUucHJvdG8SDGJ1Zi52YWxpZGF0ZWIGcHJvdG8y",
);
