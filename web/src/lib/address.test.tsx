import { act, render } from "@testing-library/react";
import { useLayoutEffect } from "react";
import { createMemoryRouter, RouterProvider } from "react-router";
import { expect, test } from "vitest";
import { useAddress } from "./address";

const hooks: ReturnType<typeof useAddress>[] = [];

function Place({ n }: { n: number }) {
  const address = useAddress();
  useLayoutEffect(() => {
    hooks[n] = address;
  });
  return null;
}

function show(at: string) {
  const element = [<Place key="a" n={0} />, <Place key="b" n={1} />];
  const router = createMemoryRouter([{ path: "/", element }], { initialEntries: [at] });
  render(<RouterProvider router={router} />);
  const nth = (n: number) => {
    const hook = hooks[n];
    if (!hook) throw new Error("not drawn");
    return hook;
  };
  return { router, one: () => nth(0), other: () => nth(1), search: () => router.state.location.search };
}

test("two changes in one tick both count, also from two places", async () => {
  const { one, other, search } = show("/?q=web");
  await act(async () => {
    one().set({ region: ["sa-east-1"] });
    other().set({ state: "running", q: "" });
  });
  expect(search()).toBe("?region=sa-east-1&state=running");
  expect(one().list("region")).toEqual(["sa-east-1"]);
});

test("opening and then changing makes one entry of the history", async () => {
  const { router, one, search } = show("/?q=web");
  await act(async () => {
    one().set({ id: "7" }, "push");
    one().set({ q: "api" });
  });
  expect(search()).toBe("?q=api&id=7");
  await act(async () => router.navigate(-1));
  expect(search()).toBe("?q=web");
});

test("a change that was kept from an earlier address starts from today's", async () => {
  const { one, search } = show("/");
  const kept = one().set;
  await act(async () => kept({ id: "7" }));
  await act(async () => one().set({ q: "web" }));
  await act(async () => kept({ id: "" }));
  expect(search()).toBe("?q=web");
});
