// The page: a list of notifications that grows as events arrive. Everything from outside is inserted as text, never as
// HTML.
const userId = new URLSearchParams(location.search).get("userId") || "user-123";

const [heading, badge, state, user, all, trouble, list, empty, news, template] =
  ["heading", "badge", "state", "user", "all", "trouble", "list", "empty", "news", "item"]
    .map((id) => document.getElementById(id));

const items = new Map(); // by the notification's id: {element, read}
const unread = () => [...items].filter(([, item]) => !item.read).map(([id]) => id);
const time = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

// "proposal_approved" is "Proposal approved"
const title = (type) => (type.charAt(0).toUpperCase() + type.slice(1)).replace(/[_.-]+/g, " ");

function showCount() {
  const count = unread().length;
  badge.textContent = count > 99 ? "99+" : String(count);
  badge.setAttribute("aria-label", `${count} unread`);
  badge.hidden = count === 0;
  if (count === 0 && all === document.activeElement) heading.focus(); // otherwise the focus would be lost
  all.hidden = count === 0;
  empty.hidden = items.size !== 0;
  document.title = count === 0 ? "Notifications" : `(${count}) Notifications`;
}

function showState(text, live = false) {
  state.textContent = text;
  state.classList.toggle("live", live);
}

// Inserts the element by id, newest on top, even if a smaller id arrives late.
function place(element, id) {
  const older = [...items].filter(([other]) => BigInt(other) < BigInt(id)).map(([, item]) => item.element);
  list.insertBefore(element, [...list.children].find((child) => older.includes(child)) ?? null);
}

function add({ id, type, message, createdAt, read }) {
  if (items.has(id)) return read ? showRead([id]) : undefined;
  const element = template.content.cloneNode(true).firstElementChild;
  element.querySelector(".type").textContent = title(type);
  element.querySelector(".message").textContent = message;
  const moment = element.querySelector("time");
  moment.dateTime = createdAt;
  moment.textContent = time.format(new Date(createdAt));
  const button = element.querySelector("button");
  button.setAttribute("aria-label", `Mark as read: ${title(type)}`);
  button.addEventListener("click", () => markRead([id]));
  place(element, id);
  items.set(id, { element, read: false });
  if (read) return showRead([id]);
  element.classList.add("unread", "arrived");
  news.textContent = `${title(type)}: ${message}`;
  showCount();
}

function showRead(ids) {
  for (const id of ids) {
    const item = items.get(id);
    if (!item || item.read) continue;
    item.read = true;
    item.element.classList.remove("unread");
    const button = item.element.querySelector("button");
    if (button === document.activeElement) heading.focus(); // otherwise the focus would be lost
    button.remove();
  }
  showCount();
}

async function markRead(ids) {
  try {
    const response = await fetch("/read", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ userId, ids }),
    });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    trouble.hidden = true;
    showRead(ids);
  } catch (error) {
    trouble.textContent = `Could not mark as read: ${error.message}. Please try again.`;
    trouble.hidden = false;
  }
}

user.textContent = userId;
all.addEventListener("click", () => markRead(unread()));

// The browser reconnects automatically, and sends the id of the last event that it got.
const events = new EventSource(`/events?userId=${encodeURIComponent(userId)}`);
events.addEventListener("notification", (event) => add(JSON.parse(event.data)));
events.addEventListener("read", (event) => showRead(JSON.parse(event.data).ids));
events.addEventListener("state", (event) => {
  const { live } = JSON.parse(event.data);
  showState(live ? "Live" : "Waiting for the database", live);
});
events.addEventListener("error", () => {
  showState(events.readyState === EventSource.CLOSED ? "Disconnected" : "Reconnecting");
});
