export * from "./Choices";
export * from "./Field";
