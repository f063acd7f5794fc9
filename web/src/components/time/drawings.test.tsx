import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { HealthBars } from "./HealthBars";
import { Ruler } from "./Ruler";
import { Timeline, Track } from "./Track";

test("the ruler draws to scale and says what it draws", () => {
  const { container } = render(
    <Ruler
      label="ligada das 06:00 às 12:00"
      now={720}
      segments={[
        { from: 360, to: 720, kind: "was" },
        { from: 720, to: 1440, kind: "will" },
      ]}
    />,
  );
  expect(screen.getByRole("img", { name: "ligada das 06:00 às 12:00" })).toBeTruthy();
  const [was, will] = container.querySelectorAll<HTMLElement>(".ruler-on");
  expect([was?.dataset.kind, was?.style.getPropertyValue("--a"), was?.style.getPropertyValue("--z")]).toEqual([
    "was",
    "25.00%",
    "50.00%",
  ]);
  expect(will?.dataset.kind).toBe("will");
  expect(container.querySelector<HTMLElement>(".ruler-now")?.style.getPropertyValue("--a")).toBe("50.00%");
});

test("one segment for each step, one bar for each run", () => {
  const { container } = render(
    <>
      <Track steps={["done", "now", "todo", "failed"]} label="passo 2 de 4" />
      <HealthBars bars={[undefined, "ok", "missed"]} label="1 de 2" />
    </>,
  );
  expect([...container.querySelectorAll<HTMLElement>(".track i")].map((i) => i.dataset.step)).toEqual([
    "done",
    "now",
    "todo",
    "failed",
  ]);
  expect([...container.querySelectorAll<HTMLElement>(".health i")].map((i) => i.dataset.bar)).toEqual([
    "none",
    "ok",
    "missed",
  ]);
});

test("the timeline says which step is at work", () => {
  render(
    <Timeline
      label="Passos"
      steps={[
        { id: "a", step: "done", title: "Pedido recebido" },
        { id: "b", step: "now", title: "Pedir" },
      ]}
    />,
  );
  expect(screen.getByText("Pedir").closest("li")?.getAttribute("aria-current")).toBe("step");
});
