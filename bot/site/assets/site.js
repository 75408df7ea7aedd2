// The room's own script: live messages, the composer's offers, times in the reader's zone, the demo.
// Every page works without it. It builds no markup from words: fragments come escaped from the site,
// and what is typed only ever becomes text or a form's value.

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// ---------- times, in the reader's zone ----------

const format = (parts) => new Intl.DateTimeFormat("en-GB", parts);
const CLOCK = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = format({ weekday: "long", day: "numeric", month: "long" });
const SHORT_DAY = format({ weekday: "short", day: "numeric", month: "short" });
const FULL = format({ dateStyle: "full", timeStyle: "long" });
const key = (date) => `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;

function localise(root) {
  for (const time of all("time[data-as]", root)) {
    const at = new Date(time.dateTime);
    const near = time.dataset.as === "clock" || key(at) === key(new Date());
    time.textContent = near ? CLOCK.format(at) : `${SHORT_DAY.format(at)}, ${CLOCK.format(at)}`;
    time.title = FULL.format(at);
  }
}

function days(list) {
  all(".day", list).forEach((line) => line.remove());
  let before = "";
  for (const message of all(".msg", list)) {
    const at = new Date($(".by time", message).dateTime);
    if (key(at) !== before) {
      const line = document.createElement("li");
      line.className = "day";
      line.textContent = DAY.format(at);
      message.before(line);
    }
    before = key(at);
  }
}

// ---------- the log ----------

const scroller = () => $("#scroll") ?? document.scrollingElement;
let follow = false;

function atEnd() {
  const box = scroller();
  return box.scrollHeight - box.scrollTop - box.clientHeight < 160;
}

function toEnd() {
  const box = scroller();
  box.scrollTop = box.scrollHeight;
}

function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

/** Puts a part of the page in the place of an older one, unless it is the same: then nothing under a hand moves. */
function swap(old, html) {
  const fresh = fragment(html);
  localise(fresh);
  if (!fresh.isEqualNode(old)) old.replaceWith(fresh);
}

const FOCUSABLE = "a[href], button, summary, input:not([type=hidden])";

/** Puts a message where it belongs, or its newer state in its place; what was open or focused stays so. */
function put(list, { id, place, html }) {
  const fresh = fragment(html);
  localise(fresh);
  const old = document.getElementById(id);
  if (!old) {
    $(".empty", list)?.remove();
    const before = all(".msg", list).findLast((other) => Number(other.dataset.place) < place);
    if (before) before.after(fresh);
    else list.prepend(fresh);
    return;
  }
  const focused = all(FOCUSABLE, old).indexOf(document.activeElement);
  const open = all("details", old).map((details) => details.open);
  all("details", fresh).forEach((details, index) => (details.open = open[index] ?? false));
  old.replaceWith(fresh);
  if (focused >= 0) (all(FOCUSABLE, fresh)[focused] ?? $(FOCUSABLE, fresh))?.focus();
}

let stream;

function live() {
  stream?.close();
  const list = $("#log");
  // A page of older messages stays as it is.
  if (!list?.dataset.events) return;
  const address = new URL(list.dataset.events, location.href);
  const state = (text) => ($("#link-state").textContent = text);
  const on = (name, act) =>
    stream.addEventListener(name, (event) => {
      if (event.lastEventId) address.searchParams.set("since", event.lastEventId);
      const stay = follow || atEnd();
      act(JSON.parse(event.data));
      if (stay && name === "item") toEnd();
      if (name === "item") follow = false;
    });
  stream = new EventSource(address);
  stream.onopen = () => state("");
  stream.onerror = () => {
    state("Reconnecting…");
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => list.isConnected && live(), 3000);
    list.dataset.events = address.pathname + address.search;
  };
  on("item", (message) => {
    put(list, message);
    days(list);
  });
  on("side", beside);
  on("demo", demo);
  on("reload", () => location.reload());
}

function beside(side) {
  if (!side) return;
  swap($("#threads"), side.threads);
  const state = $("#state");
  state.innerHTML = side.state;
  localise(state);
}

// ---------- saying something ----------

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const freshKey = () => [...crypto.getRandomValues(new Uint8Array(20))].map((byte) => ALPHABET[byte & 31]).join("");

function complain(line, text) {
  line.textContent = text;
  line.hidden = text === "";
}

/** Sends a form once. After a lost answer it keeps its key, so that sending it again says nothing twice. */
async function send(form, line) {
  if (form.ariaBusy === "true") return false;
  form.ariaBusy = "true";
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    const said = await answer.json();
    complain(line, answer.ok ? "" : said.error);
    if (!answer.ok) return false;
    form.elements.key.value = freshKey();
    follow = true;
    return true;
  } catch {
    complain(line, "That did not get through; nothing is lost. Send it again.");
    return false;
  } finally {
    form.ariaBusy = "false";
  }
}

// ---------- the composer ----------

const said = [];
let recalled = 0;

function composer() {
  const form = $("form.composer");
  if (!form) return;
  const field = $("#say");
  const list = $("#ac");
  const options = all(".opt", list);
  let open = [];
  let chosen = -1;

  const show = (matching) => {
    open = matching;
    options.forEach((option) => (option.hidden = !matching.includes(option)));
    list.hidden = matching.length === 0;
    field.setAttribute("aria-expanded", String(!list.hidden));
    choose(matching.length ? 0 : -1);
  };
  const choose = (index) => {
    chosen = index;
    options.forEach((option) => option.setAttribute("aria-selected", String(option === open[index])));
    if (open[index]) field.setAttribute("aria-activedescendant", open[index].id);
    else field.removeAttribute("aria-activedescendant");
    open[index]?.scrollIntoView({ block: "nearest" });
  };
  const names = (option) => [option.dataset.name, ...option.dataset.aliases.split(" ").filter(Boolean)];
  const typed = () => /^\/([a-z-]*)(\s?)/i.exec(field.value);
  const complete = () => options.some((option) => names(option).includes(typed()?.[1]));

  const suggest = () => {
    const [, word, space] = typed() ?? [];
    if (word === undefined) return show([]);
    const fits = (name) => (space ? name === word : name.startsWith(word.toLowerCase()));
    const matching = options.filter((option) => names(option).some(fits));
    matching.forEach((option) => draw(option, names(option).find(fits), word));
    show(matching);
  };
  const draw = (option, name, word) => {
    const code = $("code", option);
    const takes = document.createElement("span");
    takes.className = "faint";
    takes.textContent = option.dataset.takes;
    const bold = document.createElement("b");
    bold.textContent = `/${name.slice(0, word.length)}`;
    code.replaceChildren(bold, name.slice(word.length), " ", takes);
    option.dataset.fill = name;
  };
  const fill = (option) => {
    field.value = `/${option.dataset.fill} `;
    field.focus();
    suggest();
  };

  field.addEventListener("input", suggest);
  field.addEventListener("focus", suggest);
  field.addEventListener("blur", () => show([]));
  list.addEventListener("pointerdown", (event) => {
    const option = event.target.closest(".opt");
    event.preventDefault();
    if (option) fill(option);
  });
  field.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && open.length) choose((chosen + step + open.length) % open.length);
    else if (step && said.length && (field.value === "" || field.value === said[recalled])) recall(step);
    else if (event.key === "Tab" && !event.shiftKey && open.length && !complete()) fill(open[chosen]);
    else if (event.key === "Enter" && open.length && !complete()) fill(open[chosen]);
    else if (event.key === "Escape" && open.length) show([]);
    else return;
    event.preventDefault();
  });
  const recall = (step) => {
    recalled = Math.min(Math.max((field.value === "" ? said.length : recalled) + step, 0), said.length - 1);
    field.value = said[recalled];
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    show([]);
    const text = field.value;
    if (!(await send(form, $("#say-err")))) return;
    said.push(text);
    recalled = said.length;
    if (field.value === text) field.value = "";
    toEnd();
  });
}

// ---------- the demo ----------

function demo(now) {
  if (!now) return;
  swap($("#guide"), now.guide);
  for (const pane of now.panes) {
    const section = document.getElementById(`show-${pane.frame}`);
    const frame = $("iframe", section);
    const before = frame.dataset.runs ?? $("header", section).dataset.runs;
    swap($("header", section), pane.header);
    section.classList.toggle("mine", pane.mine);
    // While requests are being led elsewhere, what the frame would load is not yet what will stay.
    if (pane.runs === "switching") continue;
    if (before !== pane.runs) frame.src = frame.getAttribute("src");
    frame.dataset.runs = pane.runs;
  }
}

/** Changes who speaks without loading the two services anew. */
async function speakAs(form, button) {
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, button)) });
  if (!answer.ok) return location.reload();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["room", "who", "guide"]) document.getElementById(id).replaceWith(page.getElementById(id));
  start();
  const field = $("#say");
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

// ---------- the page ----------

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("form.say")) {
    event.preventDefault();
    send(form, $(".err", form.closest("article")));
  } else if (form.action.endsWith("/demo/speak-as")) {
    event.preventDefault();
    speakAs(form, event.submitter);
  }
});

document.addEventListener("keydown", (event) => {
  const elsewhere = !event.target.closest("input, textarea, [contenteditable]");
  const field = $("#say");
  if (event.key === "/" && elsewhere && field && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    field.value ||= "/";
    field.focus();
  }
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const seg = event.target.closest(".seg");
  if (step && seg) {
    const buttons = all("button", seg);
    buttons[(buttons.indexOf(event.target) + step + buttons.length) % buttons.length].focus();
    event.preventDefault();
  }
});

/** A page that changes by itself is read again every two seconds, while somebody looks at it. */
async function renew() {
  const main = $("main[data-live]");
  if (!main) return;
  if (!document.hidden) {
    const answer = await fetch(location.href).catch(() => null);
    const fresh = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (fresh) swap(main, fresh.outerHTML);
  }
  setTimeout(renew, 2000);
}

function start() {
  localise(document);
  renew();
  const list = $("#log");
  if (list) days(list);
  composer();
  live();
  if (list && !location.search.includes("before=")) toEnd();
  if (new URLSearchParams(location.search).get("say")) $("#say")?.focus();
}

start();
