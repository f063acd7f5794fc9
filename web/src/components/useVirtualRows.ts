import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useLayoutEffect, useState } from "react";
import { phone, useMedia } from "@/lib/media";
import { useDensity } from "@/lib/theme";

/** Beyond this many rows only those near the window are in the document. */
const threshold = 200;

type Options = { count: number; bodyRef: RefObject<HTMLTableSectionElement | null>; twoLine: boolean };

/** Which rows to draw, and how much empty height stands before and after them. The page scrolls, not the table. */
export function useVirtualRows({ count, bodyRef, twoLine }: Options) {
  const [density] = useDensity();
  const onPhone = useMedia(phone);
  const active = count > threshold;
  const compact = density === "compact";
  // As table.css has them; a row that comes out otherwise (a card on a phone) is measured.
  const height = onPhone ? 66 : twoLine ? (compact ? 46 : 54) : compact ? 28 : 36;
  const [margin, setMargin] = useState(0);

  useLayoutEffect(() => {
    const body = bodyRef.current;
    if (active && body) setMargin(body.getBoundingClientRect().top + window.scrollY);
  }, [active, bodyRef]);

  const virtualizer = useWindowVirtualizer({
    count: active ? count : 0,
    estimateSize: () => height,
    measureElement: (row) => row.getBoundingClientRect().height || height,
    overscan: 12,
    scrollMargin: margin,
    enabled: active,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new height makes all measures old.
  useEffect(() => virtualizer.measure(), [height]);

  const items = virtualizer.getVirtualItems();
  if (!active) {
    return {
      indexes: Array.from({ length: count }, (_, index) => index),
      before: 0,
      after: 0,
      scrollTo: () => {},
      measure: undefined,
    };
  }
  const first = items[0];
  const end = items.at(-1);
  return {
    indexes: items.map((item) => item.index),
    before: first ? first.start - margin : 0,
    after: end ? virtualizer.getTotalSize() - (end.end - margin) : 0,
    measure: virtualizer.measureElement,
    scrollTo: (index: number) => virtualizer.scrollToIndex(index, { align: "auto" }),
  };
}
