// What the pages gain by a script: they stay up to date, show charts, and times in the zone that the reader chose.
// Without it, everything can be read and done.
import "./app.css";
import { Idiomorph } from "idiomorph";
import { drawCharts } from "./chart";
import { showTimes, watchZoneSwitch } from "./times";

const base = document.documentElement.dataset.base ?? "";
const main = document.querySelector<HTMLElement>("#main")!;

function dress(): void {
  showTimes();
  drawCharts();
}

/** Whether the reader is doing something that a new page would disturb. */
function busy(): boolean {
  const active = document.activeElement;
  const writes = active instanceof HTMLInputElement || active instanceof HTMLSelectElement;
  const chooses = main.querySelector("input[type=checkbox]:checked") !== null;
  return writes || chooses || !(getSelection()?.isCollapsed ?? true);
}

/** Takes the page's content anew, and changes only what differs. */
async function refresh(): Promise<void> {
  if (document.hidden || busy()) return;
  const answer = await fetch(location.href, { headers: { "X-Sluice-Part": "1" }, redirect: "manual" });
  if (answer.type === "opaqueredirect") return location.reload(); // to page Log in: the session has ended
  if (!answer.ok) return;
  const html = await answer.text();
  if (busy()) return;
  const open = new Set([...main.querySelectorAll("details[open] summary")].map((one) => one.textContent));
  Idiomorph.morph(main, html, {
    morphStyle: "innerHTML",
    callbacks: {
      // The chart is drawn by the script, and redrawn from new data.
      beforeNodeMorphed: (old: Node) => !(old instanceof HTMLElement && old.dataset.chart !== undefined && old.querySelector(".uplot")),
    },
  });
  for (const one of main.querySelectorAll("details")) {
    if (open.has(one.querySelector("summary")?.textContent ?? "")) one.open = true;
  }
  dress();
}

function live(): void {
  const sign = document.querySelector<HTMLElement>("#live");
  // Pages that search are read once; the reader asks again.
  const still = /\/(jobs|audit|why|plan|login|failures)$/.test(location.pathname);
  if (sign === null || still || document.querySelector("nav") === null) return;
  let due = false;
  const events = new EventSource(base + "/events");
  events.addEventListener("open", () => (sign.hidden = false));
  events.addEventListener("error", () => {
    sign.hidden = true;
    if (events.readyState === EventSource.CLOSED) refresh().catch(() => {});
  });
  events.addEventListener("now", () => {
    if (due) return;
    due = true;
    refresh()
      .catch(() => (sign.hidden = true))
      .finally(() => (due = false));
  });
  addEventListener("pagehide", () => events.close());
}

watchZoneSwitch(dress);
dress();
live();
