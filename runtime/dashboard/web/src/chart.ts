// Charts of outcomes over time.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

interface Step {
  at: string;
  done: number;
  retrying: number;
  failed: number;
}

interface Series {
  step_seconds: number;
  steps: Step[];
}

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function line(label: string, stroke: string): uPlot.Series {
  return { label, stroke, width: 1.5, points: { show: false } };
}

/** Hours and minutes in UTC; the date at midnight. */
function times(_: uPlot, seconds: number[]): string[] {
  return seconds.map((one) => {
    const iso = new Date(one * 1000).toISOString();
    return iso.slice(11, 16) === "00:00" ? iso.slice(5, 10) : iso.slice(11, 16);
  });
}

function options(width: number): uPlot.Options {
  const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 } };
  return {
    width,
    height: 220,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
    series: [{ label: "time", value: (_, seconds) => (seconds === null ? "–" : new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")) }, line("done", color("--good")), line("to be tried again", color("--warn")), line("failed", color("--bad"))],
    axes: [{ ...axis, values: times }, { ...axis, size: 60 }],
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
  };
}

function draw(box: HTMLElement, series: Series): void {
  const data: uPlot.AlignedData = [
    series.steps.map((step) => Date.parse(step.at) / 1000),
    series.steps.map((step) => step.done),
    series.steps.map((step) => step.retrying),
    series.steps.map((step) => step.failed),
  ];
  box.replaceChildren();
  new uPlot(options(box.clientWidth || 600), data, box);
}

export function drawCharts(): void {
  for (const box of document.querySelectorAll<HTMLElement>("[data-chart]")) {
    const source = box.parentElement?.querySelector<HTMLScriptElement>("script.chart-data")?.textContent ?? "";
    const drawn = box.dataset.drawn === source && box.querySelector(".uplot") !== null;
    if (source === "" || drawn) continue;
    box.dataset.drawn = source;
    draw(box, JSON.parse(source) as Series);
  }
}
