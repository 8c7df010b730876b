/* Keeps times current, moves through rows by key, and re-reads what the server says has changed. */
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  document.documentElement.classList.add("scripted");

  // ---- times: said like the server says them, exact on hover in the reader's own zone --------------------------------
  const words = JSON.parse(document.getElementById("timewords")?.textContent || "{}");
  const rendered = Date.parse(document.body.dataset.now || "");
  const ahead = Number.isNaN(rendered) ? 0 : rendered - Date.now();
  const say = (name, values = {}) => words[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);

  function span(ms) {
    const s = Math.max(0, Math.floor(ms / 1000)), min = Math.floor(s / 60), h = Math.floor(s / 3600), d = Math.floor(h / 24);
    if (s < 60) return say("s", { n: s });
    if (min < 60) return say("min", { n: min });
    if (h < 24) return min % 60 ? say("h_min", { h, m: min % 60 }) : say("h", { h });
    return h % 24 && d < 14 ? say("d_h", { d, h: h % 24 }) : say("d", { d });
  }

  function tell(how, at, now) {
    if (how === "ago") return now - at < 5000 ? say("just") : say("ago", { span: span(now - at) });
    if (how === "span") return span(now - at);
    if (how === "until") {
      if (at - now >= 1000) return say("until", { span: span(at - now) });
      return now - at < 60000 ? say("now") : say("late", { span: span(now - at) });
    }
    const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
    const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(how === "second" && { second: "2-digit" }) };
    return new Date(at).toLocaleString("en-GB", sameDay ? time : { day: "numeric", month: "short", ...time });
  }

  function tick() {
    const now = Date.now() + ahead;
    for (const element of all("time[data-how]")) {
      const at = Date.parse(element.dateTime), text = tell(element.dataset.how, at, now);
      if (element.textContent !== text) element.textContent = text;
      const exact = new Date(at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "long" });
      if (element.title !== exact) element.title = exact;
    }
  }
  if (words.s) { tick(); setInterval(tick, 1000); }

  // ---- keys -----------------------------------------------------------------------------------------------------------
  const step = by => {
    const rows = all("[data-row]").filter(row => row.offsetParent), at = rows.indexOf(document.activeElement);
    (rows[at + by] || rows[at < 0 && by < 0 ? rows.length - 1 : at < 0 ? 0 : at])?.focus();
  };
  /* Nobody decides by a key what was not on the screen for a moment: a second tap would hit the next question. */
  setTimeout(() => document.documentElement.classList.add("settled"), 600);
  const answer = key => document.querySelector(`.settled [data-answer=${key}]`)?.click();
  const keys = {
    "/": () => document.querySelector(".find input")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    n: () => document.querySelector("a[rel=next]")?.click(),
    a: () => answer("a"),
    r: () => answer("r"), // a field that is missing is asked for by the browser
    "?": () => document.getElementById("help")?.showModal(),
  };
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") all("details.menu[open]").forEach(menu => { menu.open = false; });
    if (event.target.closest("input, select, textarea, [contenteditable], dialog")) return;
    if (event.repeat && !"jk".includes(event.key)) return; // a key held down decides one question, not the whole queue
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });

  // ---- small conveniences ---------------------------------------------------------------------------------------------
  document.addEventListener("click", async event => {
    const opener = event.target.closest("[data-opens]"), copier = event.target.closest("[data-copy]");
    all("details.menu[open]").forEach(menu => { if (!menu.contains(event.target) || opener) menu.open = false; });
    if (opener) document.getElementById(opener.dataset.opens)?.showModal();
    if (copier) {
      await navigator.clipboard.writeText(copier.dataset.copy);
      copier.dataset.done = "";
      setTimeout(() => delete copier.dataset.done, 1500);
    }
  });
  document.addEventListener("submit", event => { // a double click votes once
    const form = event.target.closest(".verdict form");
    if (!form) return;
    if ("sent" in form.dataset) event.preventDefault();
    form.dataset.sent = "";
    setTimeout(() => delete form.dataset.sent, 3000);
  });
  document.addEventListener("change", event => {
    if (event.target.matches("form.filter select, form.filter input[type=checkbox]")) event.target.form.requestSubmit();
  });

  // ---- what changed in a swap is tinted for a moment ------------------------------------------------------------------
  let seen = new Map();
  document.addEventListener("htmx:before:swap", () => {
    seen = new Map(all("[data-key]").map(row => [row.dataset.key, row.dataset.revision]));
  });
  document.addEventListener("htmx:after:swap", () => {
    for (const row of all("[data-key]")) {
      if (seen.get(row.dataset.key) === row.dataset.revision) continue;
      row.classList.add("changed");
      row.addEventListener("animationend", () => row.classList.remove("changed"), { once: true });
    }
    if (words.s) tick();
    subscribe();
  });

  // ---- live: the socket says that something changed, the page reads it again over HTTP --------------------------------
  const notice = document.getElementById("live");
  if (!notice) return;
  const PAUSE = { board: 1000, instance: 300 }, SILENCE = 10000, GRACE = 2500, PATIENCE = 20000;
  let socket = null, asked = "", heard = Date.now(), lost = null;
  const plans = new Map();
  const regions = () => all("[data-live]");
  const topic = region => region.dataset.live === "board" ? "board" : "instance";

  /* Read a region again: at once after a rest, otherwise when its pause is over; one request at a time. */
  function reread(region) {
    const plan = plans.get(region.id) || { last: 0, timer: 0, busy: false, again: false };
    plans.set(region.id, plan);
    if (plan.busy && Date.now() - plan.last < PATIENCE) { plan.again = true; return; }
    if (plan.timer) return;
    const pause = PAUSE[topic(region)];
    const wait = Math.max(0, plan.last + pause - Date.now()) + Math.random() * pause * 0.2;
    plan.timer = setTimeout(() => {
      plan.timer = 0;
      const now = document.getElementById(region.id);
      if (!now) return;
      plan.last = Date.now();
      plan.busy = true;
      htmx.trigger(now, "live");
    }, wait);
  }
  /* What may no longer be read is not left standing: the whole page is asked for, which says why. */
  document.addEventListener("htmx:before:response", event => {
    const { sourceElement, response } = event.detail.ctx;
    if (!sourceElement.dataset.live) return;
    if (response.raw.redirected || [401, 403, 404].includes(response.status)) {
      event.preventDefault();
      location.reload();
    }
  });
  document.addEventListener("htmx:finally:request", event => {
    const { id } = event.detail.ctx.sourceElement, plan = plans.get(id), region = document.getElementById(id);
    if (!plan?.busy) return;
    plan.busy = false;
    if (plan.again && region) { plan.again = false; reread(region); }
  });

  function subscribe() {
    const wanted = { board: false, watch: [] };
    for (const region of regions()) {
      if (topic(region) === "board") wanted.board = true;
      else wanted.watch.push(...region.dataset.live.split(" "));
    }
    const message = JSON.stringify(wanted);
    if (message === asked || socket?.readyState !== WebSocket.OPEN) return;
    asked = message;
    socket.send(message);
  }

  function show(state) {
    if (state) {
      const time = new Date(heard).toLocaleTimeString("en-GB");
      notice.querySelector("[data-words]").textContent = notice.dataset[state].replace("{time}", time);
      notice.dataset.state = state;
    }
    notice.hidden = !state;
  }

  function frame({ topic: about, id, revision }) {
    if (about === "heartbeat") return show(id === "live" ? "" : "slow");
    for (const region of regions()) {
      if (about === "board" ? topic(region) !== "board" : !region.dataset.live.split(" ").includes(id)) continue;
      const own = region.dataset.live.startsWith(id); // what else is watched, has revisions of its own
      if (about === "instance" && own && Number(region.dataset.revision || 0) >= revision) continue;
      reread(region);
    }
  }

  notice.addEventListener("htmx:ws:after:connection", event => {
    socket = event.detail.connection.socket;
    heard = Date.now();
    asked = "";
    clearTimeout(lost);
    lost = null;
    subscribe();
    regions().filter(region => topic(region) === "instance").forEach(reread); // boards are told by the answer
  });
  notice.addEventListener("htmx:ws:before:message:incoming", event => {
    event.detail.cancelled = true; // frames are never markup
    heard = Date.now();
    JSON.parse(event.detail.message.data).forEach(frame);
  });
  notice.addEventListener("htmx:ws:close", event => {
    if (event.detail.code === 4401) { clearTimeout(lost); show("out"); }
    else if (!document.hidden) lost ??= setTimeout(() => show("lost"), GRACE); // counted from the first failure
  });
  // Connected from here, not in the markup: htmx may look at the page before its extension and this script have arrived.
  notice.setAttribute("hx-ws:connect", "/ws/live/");
  htmx.process(notice);
  setInterval(() => {
    if (socket?.readyState === WebSocket.OPEN && Date.now() - heard > SILENCE && !document.hidden) socket.close();
  }, 2000);
})();
