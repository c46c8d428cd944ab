// Sorting, filtering and paging without reloading. The page works without this file; with it, everything is live.
// On a server the same addresses are fetched and their table is put in place; on a static site the rows are sorted here.

const region = () => document.getElementById("standings");
const form = document.querySelector("[data-filter]");
const still = region().dataset.mode === "static";
const PAGE = Number(region().dataset.size);

// What the table shows. A link within the page (#main) is a step of the history, too, and changes nothing of it.
let here = location.pathname + location.search;

function onReturn(put) {
  addEventListener("popstate", () => {
    if (location.pathname + location.search === here) return;
    takeForm(new URLSearchParams(location.search));
    put(location.pathname + location.search);
  });
}

form.hidden = false;
form.classList.add("live");

function announce(total, page, pages) {
  const told = document.getElementById("count");
  const amount = document.createElement("strong");
  amount.textContent = total.toLocaleString("en");
  told.replaceChildren(amount, ` ${total === 1 ? "entry" : "entries"}${pages > 1 ? `, page ${page} of ${pages}` : ""}`);
}

function addressOf(extra = {}) {
  const wanted = new URLSearchParams();
  for (const [key, value] of new FormData(form)) if (value) wanted.set(key, value);
  if (wanted.get("sort") === "place:up") wanted.delete("sort");
  for (const [key, value] of Object.entries(extra)) wanted.set(key, value);
  const text = wanted.toString();
  return location.pathname + (text ? `?${text}` : "");
}

function takeForm(parameters) {
  for (const field of form.elements) {
    if (field.name === "group" || !field.name) continue;
    if (field.type === "checkbox") field.checked = parameters.has(field.name);
    else if (field.name === "sort") {
      const [key, way] = (parameters.get("sort") || "place:up").split(":");
      const value = `${key}:${way || parameters.get("dir") || "up"}`;
      if ([...field.options].some((one) => one.value === value)) field.value = value;
    } else field.value = parameters.get(field.name) || "";
  }
}

// On a server.

let running = null;

async function replaceFrom(address, { push = true, focus = null } = {}) {
  running?.abort();
  running = new AbortController();
  try {
    const answer = await fetch(address, { signal: running.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("standings");
    if (!fresh) throw new Error("no table");
    // The line that counts entries stays, so that screen readers hear its text change.
    const told = document.getElementById("count");
    told.replaceChildren(...page.getElementById("count").childNodes);
    fresh.querySelector("#count").replaceWith(told);
    region().replaceWith(fresh);
    here = address;
    if (push) history.pushState(null, "", address);
    if (focus) document.querySelector(focus)?.focus();
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address);
  }
}

function serve() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#standings a.sort, #standings .pager a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const address = new URL(link.href);
    const key = link.closest("th")?.dataset.key;
    replaceFrom(address.pathname + address.search, { focus: key ? `th[data-key="${key}"] .sort` : ".scroll" });
    takeForm(address.searchParams);
  });
  onReturn((address) => replaceFrom(address, { push: false }));
}

// On a static site.

let rows = null;

async function allRows() {
  const found = [...document.querySelectorAll("#standings tbody tr[data-text]")];
  const pages = Number(region().dataset.pages);
  const stem = region().dataset.stem;
  for (let page = 1; page <= pages && pages > 1; page += 1) {
    if (page === 1) found.length = 0;
    const answer = await fetch(page > 1 ? `${stem}-${page}.html` : `${stem}.html`);
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    found.push(...[...part.querySelectorAll("#standings tbody tr[data-text]")].map((row) => document.adoptNode(row)));
  }
  return found;
}

function compare(key, way) {
  const heads = [...document.querySelectorAll("#standings thead th")];
  const at = heads.findIndex((head) => head.dataset.key === key);
  const words = key === "agent";
  return (a, b) => {
    const [x, y] = [a.cells[at].dataset.v, b.cells[at].dataset.v];
    if (x === "" || y === "") return (x === "") - (y === "");
    const order = words ? (x < y ? -1 : x > y ? 1 : 0) : x - y;
    return way === "down" ? -order : order;
  };
}

async function showRows(parameters) {
  rows ??= await allRows();
  const [key, way] = (parameters.get("sort") || "place:up").split(":");
  const text = (parameters.get("q") || "").trim().toLowerCase();
  const fits = rows.filter((row) =>
    row.dataset.text.includes(text) &&
    (!parameters.get("status") || row.dataset.status === parameters.get("status")) &&
    (!parameters.get("pareto") || row.dataset.pareto === "1"));
  if (parameters.get("sort")) fits.sort(compare(key, way));
  const pages = Math.max(1, Math.ceil(fits.length / PAGE));
  const page = Math.min(Math.max(1, Number(parameters.get("page")) || 1), pages);
  document.querySelector("#standings tbody").replaceChildren(...fits.slice((page - 1) * PAGE, page * PAGE));
  for (const head of document.querySelectorAll("#standings thead th")) {
    if (head.dataset.key === key) head.setAttribute("aria-sort", way === "down" ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  announce(fits.length, page, pages);
  const pager = document.querySelector("#standings .pager");
  pager.hidden = pages === 1;
  const told = document.createElement("span");
  told.textContent = `Page ${page} of ${pages}`;
  const turn = (name, to) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => go(addressOf({ page: to })));
    return button;
  };
  pager.replaceChildren(...[page > 1 && turn("Previous", page - 1), told, page < pages && turn("Next", page + 1)].filter(Boolean));
}

function go(address, push = true) {
  if (push) history.pushState(null, "", address);
  here = location.pathname + location.search;
  return showRows(new URL(address, location.href).searchParams);
}

function keepStill() {
  for (const button of document.querySelectorAll("#standings button.sort")) {
    button.disabled = false;
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const now = head.getAttribute("aria-sort");
      const falling = now ? now === "ascending" : button.dataset.falling === "1";
      form.elements.sort.value = `${button.dataset.sort}:${falling ? "down" : "up"}`;
      go(addressOf());
    });
  }
  onReturn((address) => go(address, false));
  if (location.search) {
    takeForm(new URLSearchParams(location.search));
    go(location.href, false);
  }
}

const show = still ? (address) => go(address) : (address) => replaceFrom(address);
let waiting = 0;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  show(addressOf());
});
form.addEventListener("input", (event) => {
  clearTimeout(waiting);
  waiting = setTimeout(() => show(addressOf()), event.target.type === "search" ? 200 : 0);
});
if (still) keepStill();
else serve();
document.documentElement.dataset.ready = "1";
