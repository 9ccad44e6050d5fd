// Pauses that end: other reasons to choose from, a field for a note, and one warning before the end.
"use strict";
(() => {
  const LATE = 5000;     // after its time a warning is worth nothing
  const OTHERS = 10000;  // after whoever has the pause everybody is warned
  const GATHER = 500;    // what is handed over within so many is told at once

  const { voicedash } = window;
  if (!voicedash) return;
  const { clock, rows } = voicedash;
  const list = document.getElementById("rows");
  const me = document.querySelector(".bar").dataset.me;

  // ---- The row ---------------------------------------------------------------------------------

  // The choice that browsers without JavaScript have stands above the board; here each row offers its own.
  const choice = document.getElementById("reason");
  const reasons = choice ? [...choice.options].filter((option) => option.value).map(({ value, text }) => ({ value, text })) : [];
  if (choice) choice.closest("p").remove();

  function draw(row) {
    const place = row.querySelector(".reasons:empty");
    const slot = row.querySelector(".slot1[data-press=kept]");
    if (!place || !slot) return;
    for (const { value, text } of reasons.filter((reason) => reason.text !== row.dataset.reason)) {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.className = "reason";
      chip.title = text;
      chip.id = `${row.id}-reason-${value}`;
      chip.textContent = text;
      for (const name of ["hx-post", "hx-target", "hx-swap", "hx-sync", "hx-request", "data-press"]) chip.setAttribute(name, slot.getAttribute(name));
      chip.setAttribute("hx-vals", JSON.stringify({ reason: value }));
      place.append(chip);
    }
  }
  // A field in which somebody types stays while newer rows come, as long as it is paused.
  function keep(row, typed) {
    const field = typed && typed.querySelector("input");
    if (!field) return;
    const fresh = row.querySelector(".why input");
    if (fresh) fresh.value = field.value;
    else if (field.value && row.dataset.outcome !== "prolonged" && row.querySelector(".reasons")) row.querySelector(".reasons").replaceWith(typed);
  }
  // What it said is in doubt: prolonging would keep nothing.
  function pauseAgain(row) {
    row.classList.remove("ending");
    for (const place of row.querySelectorAll(".reasons, .why")) place.remove();
    const slot = row.querySelector(".slot1[data-press=kept]");
    if (!slot) return;
    slot.dataset.press = "paused";
    for (const name of ["hx-post", "formaction"]) slot.setAttribute(name, slot.getAttribute(name).replace(/renew\/$/, "pause/"));
    slot.querySelector("span").firstChild.data = "Pause again";
    htmx.process(row);
  }

  list.addEventListener("keydown", (event) => {
    if (event.isComposing || !event.target.matches(".why input")) return;
    const row = event.target.closest("li");
    if (event.key === "Escape") row.focus({ preventScroll: true });
    if (event.key !== "Enter") return;
    event.preventDefault();  // the form's first button is none of this row's
    (row.querySelector(".why .reason") || row.querySelector(".slot1")).click();
  });
  document.addEventListener("voicedash:placed", ({ target: row }) => {
    const field = row.dataset.outcome === "note" && row.querySelector(".why input");
    // Whoever pressed is asked, and has nowhere else to go; but nobody is torn from another row.
    if (field && (document.activeElement === document.body || row.contains(document.activeElement))) field.focus({ preventScroll: true });
  });

  // ---- One warning before the end --------------------------------------------------------------

  const warned = new Set();  // ids of rows whose end was warned of; one that was kept since has another
  function warn() {
    for (const row of list.querySelectorAll("[data-lease-ends][data-recording=paused][data-asking=\"\"]:not(.ended, [data-lapsed])")) {
      const ends = row.dataset.leaseEnds;
      const left = Date.parse(ends) - clock.now();
      const mine = row.dataset.by === me;
      if (left > clock.ENDING) warned.delete(row.id);
      if (left > clock.ENDING - (mine ? 0 : OTHERS) || left <= 0 || warned.has(row.id) || voicedash.legs.of(row)) continue;
      warned.add(row.id);
      if (left < clock.ENDING - OTHERS - LATE) continue;  // as on a page that was just opened
      rows.news(`${rows.nameOf(row)}: resumes in ${Math.ceil(left / 1000)} s`);
      sound(`${row.id} ${ends}`);
    }
  }
  clock.everySecond(warn);

  // ---- An end of which this board does not hear ------------------------------------------------

  // While it is not live, a pause whose time is over may have been resumed: only a row that is read anew tells.
  const OVER = "[data-lease-ends][data-recording=paused][data-asking=\"\"]:not(.ended, [data-lapsed], [data-unanswered])";
  function loseEnds() {
    if (voicedash.liveness.isLive()) {
      // Most of them the stream brings anew; those that did not change it does not, and they are few.
      for (const row of [...list.querySelectorAll("[data-lapsed=unheard]")].slice(0, 5)) {
        row.dataset.lapsed = "asked";
        rows.refresh(row.id).catch(() => {}).then(() => { if (row.dataset.lapsed === "asked") row.dataset.lapsed = "unheard"; });
      }
      return;
    }
    const lost = [...list.querySelectorAll(OVER)].filter((row) => Date.parse(row.dataset.leaseEnds) <= clock.now());
    for (const row of lost) {
      row.dataset.lapsed = "unheard";
      rows.doubt(row, "Not confirmed: treat as recording");
    }
    if (lost.length) rows.changed();
  }
  clock.everySecond(loseEnds);

  // ---- What a colleague hands over is told to whoever has it now -------------------------------

  const given = [];
  document.addEventListener("voicedash:newer", ({ target: row, detail: { by, handed } }) => {
    if (handed === undefined || by !== me || row.dataset.by === me || voicedash.legs.of(row)) return;
    if (given.push(rows.nameOf(row)) === 1) setTimeout(tellGiven, GATHER);
  });
  function tellGiven() {
    const names = given.splice(0);
    const what = names.length > 3 ? `${names.length} calls` : names.join(", ");
    // Never in the place of an answer that somebody is about to read aloud.
    if (document.querySelector("#say .said:not(:empty)")) rows.news(`Handed to you: ${what}`);
    else voicedash.presses.tell({ tone: "wait", lead: "Handed to you:", sentence: what });
  }

  // ---- A soft sound, if this browser has let us: after a first click or key --------------------

  let audio = null;
  const box = document.getElementById("sound-on");
  const stored = () => { try { return localStorage.getItem("voicedash.sound"); } catch { return null; } };
  box.checked = stored() !== "off";
  box.addEventListener("change", () => { try { localStorage.setItem("voicedash.sound", box.checked ? "on" : "off"); } catch { /* private window */ } });
  for (const event of ["pointerdown", "keydown"]) {
    addEventListener(event, () => {
      if (window.AudioContext) audio ||= new AudioContext();
      if (audio && audio.state === "suspended") audio.resume();
    }, { passive: true });
  }
  // Of several tabs one speaks.
  function sound(what) {
    if (!box.checked || !audio || audio.state !== "running") return;
    if (!navigator.locks) { play(); return; }
    navigator.locks.request(`voicedash ${what}`, { ifAvailable: true }, async (held) => {
      if (!held) return;
      play();
      await new Promise((over) => { setTimeout(over, OTHERS); });
    });
  }
  function play() {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const at = audio.currentTime;
    tone.frequency.value = 523;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.12, at + 0.05);
    volume.gain.exponentialRampToValueAtTime(0.001, at + 0.6);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.65);
  }

  for (const row of list.children) draw(row);  // before htmx has seen them
  voicedash.leases = { draw, keep, pauseAgain };
})();
