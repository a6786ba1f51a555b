// Times: in UTC as the server writes them, or in the reader's zone.

const key = "sluice-zone";

function isLocal(): boolean {
  try {
    return localStorage.getItem(key) === "local";
  } catch {
    return false;
  }
}

/** "3 min ago" for the recent past. */
function distance(time: Date): string {
  const seconds = (Date.now() - time.getTime()) / 1000;
  const [number, unit] =
    Math.abs(seconds) < 60 ? [seconds, "s"] : Math.abs(seconds) < 3600 ? [seconds / 60, "min"] : Math.abs(seconds) < 86400 ? [seconds / 3600, "h"] : [seconds / 86400, "d"];
  const whole = Math.round(Math.abs(number));
  return seconds < 0 ? `in ${whole} ${unit}` : `${whole} ${unit} ago`;
}

function text(time: Date, local: boolean): string {
  if (!local) return time.toISOString().slice(0, 19).replace("T", " ");
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())} ${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`;
}

export function showTimes(): void {
  const local = isLocal();
  for (const element of document.querySelectorAll("time")) {
    const time = new Date(element.dateTime);
    if (Number.isNaN(time.getTime())) continue;
    element.textContent = `${text(time, local)} (${distance(time)})`;
    element.title = element.dateTime;
  }
  const zone = document.querySelector("#zone");
  if (zone) zone.textContent = local ? `Times are in ${Intl.DateTimeFormat().resolvedOptions().timeZone}.` : "Times are in UTC.";
  const button = document.querySelector("#zone-switch");
  if (button) button.textContent = local ? "Show UTC" : "Show local times";
}

export function watchZoneSwitch(changed: () => void): void {
  const button = document.querySelector<HTMLButtonElement>("#zone-switch");
  if (button === null) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    try {
      localStorage.setItem(key, isLocal() ? "utc" : "local");
    } catch {
      // Without storage, the zone stays.
    }
    changed();
  });
}
