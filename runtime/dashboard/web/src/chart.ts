// Charts of outcomes over time.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

interface Step {
  at: string;
  done: number;
  retrying: number;
  failed: number;
}

interface Mark {
  at: string;
  kind: string;
  text: string;
}

interface Series {
  step_seconds: number;
  steps: Step[];
  marks: Mark[];
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

/** A dashed line at each mark, with what it is. */
function drawMarks(plot: uPlot, marks: Mark[]): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = color("--accent");
  ctx.font = `${11 * scale}px system-ui, sans-serif`;
  ctx.setLineDash([4 * scale, 4 * scale]);
  let free = -Infinity; // where the last text ends
  for (const mark of marks) {
    const place = Math.round(plot.valToPos(Date.parse(mark.at) / 1000, "x", true));
    const x = Math.min(Math.max(place, bbox.left), bbox.left + bbox.width); // the last step may have begun before it
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const text = mark.kind === "version" ? mark.text : mark.kind;
    const wide = ctx.measureText(text).width;
    const left = Math.min(x + 4 * scale, bbox.left + bbox.width - wide);
    if (left < free) continue;
    ctx.fillText(text, left, bbox.top + 11 * scale);
    free = left + wide + 8 * scale;
  }
  ctx.restore();
}

function options(width: number, marks: Mark[]): uPlot.Options {
  const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 } };
  return {
    width,
    height: 220,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
    series: [{ label: "time", value: (_, seconds) => (seconds === null ? "–" : new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")) }, line("done", color("--good")), line("to be tried again", color("--warn")), line("failed", color("--bad"))],
    axes: [{ ...axis, values: times }, { ...axis, size: 60 }],
    hooks: { draw: [(plot) => drawMarks(plot, marks)] },
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
  new uPlot(options(box.clientWidth || 600, series.marks ?? []), data, box);
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
