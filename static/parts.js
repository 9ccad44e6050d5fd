// What stands beside the rows: the counts of the whole tenant, in header and title, and the accounts.
"use strict";
(() => {
  const DISAGREES = 6000;  // the page's own count may differ from the server's so long before it is read anew
  const AGAIN = 60000;     // and not again before
  const DEAD = 65000;      // a fetch of which nothing was heard for so long has died, which only a read tells

  const { voicedash } = window;
  if (!voicedash) return;
  const { clock, rows } = voicedash;
  const bar = document.querySelector(".bar");
  const calm = document.getElementById("calm");
  const counts = () => document.getElementById("part-counts").dataset;

  // ---- Parts -----------------------------------------------------------------------------------

  const waiting = new Map();  // parts that would move the list under a hand, by id
  const versionOf = (part) => Number(part.dataset.version);
  let toldAt = clock.ours();  // when the accounts were heard of last

  // Takes the parts that are in `from`, each unless a newer one is here.
  function take(from) {
    for (const fresh of from.querySelectorAll("[id^=part-]")) show(fresh);
    count();
  }
  function show(fresh) {
    const shown = document.getElementById(fresh.id);
    if (!shown || versionOf(fresh) < versionOf(waiting.get(fresh.id) || shown)) return;
    waiting.delete(fresh.id);
    if (fresh.id === "part-accounts") toldAt = clock.ours();
    if (Number(fresh.dataset.number) > Number(shown.dataset.number)) rows.news(fresh.querySelector("b").textContent);
    if (fresh.innerHTML === shown.innerHTML) {
      for (const { name, value } of [...fresh.attributes]) shown.setAttribute(name, value);
      return;
    }
    clock.tick(fresh, voicedash.liveness.time());
    const height = shown.offsetHeight;
    shown.replaceWith(fresh);
    if (window.htmx && fresh.querySelector("[hx-post]")) window.htmx.process(fresh);
    // One that lies over the page moves nothing.
    if (fresh.offsetHeight === height || "apart" in fresh.dataset || rows.free()) return;
    fresh.replaceWith(shown);
    waiting.set(fresh.id, fresh);
  }
  clock.everySecond(() => {
    if (waiting.size && rows.free()) for (const fresh of [...waiting.values()]) show(fresh);
    if (document.hidden || clock.ours() - toldAt < DEAD || !document.querySelector("#part-accounts [data-running]")) return;
    toldAt = clock.ours();
    voicedash.reads.look();
  });

  // ---- Counts ----------------------------------------------------------------------------------

  // A doubt that had run out when the server counted is in its counts.
  const isCounted = (row) => Date.parse(row.dataset.doubtUntil) <= Date.parse(counts().asOf);
  // This tab may know that a row is not what the server still counts it as: its answer did not come, its doubt ran out.
  function seen() {
    const { live, paused, needs } = counts();
    const doubted = rows.all().filter((row) => rows.needs(row) && row.dataset.recording !== "unconfirmed" && !isCounted(row));
    return {
      live: Number(live),
      paused: Math.max(0, Number(paused) - doubted.filter(rows.isPaused).length),
      needs: Number(needs) + doubted.length,
    };
  }
  function count() {
    const { live, paused, needs } = seen();
    for (const [name, value] of Object.entries({ live, paused, needs })) write(bar.querySelector(`[data-show=${name}] b`), value.toLocaleString("en-US"));
    const button = bar.querySelector("[data-show=needs]");
    button.dataset.some = needs;
    write(button.querySelector("span"), needs === 1 ? "needs you" : "need you");
    write(calm, needs ? `${needs.toLocaleString("en-US")} not confirmed: treat as recording.` : "Nothing needs you.");
    calm.classList.toggle("bad", needs > 0);
    entitle(needs);
  }
  function write(place, text) { if (place.textContent !== text) place.textContent = text; }

  // The title speaks for a tab that nobody looks at.
  const title = document.title;
  function entitle(needs) {
    const text = `${needs ? `(${needs}) ` : ""}${voicedash.liveness.inTitle()}${title}`;
    if (document.title !== text) document.title = text;
  }

  // ---- The page's own count against the server's -----------------------------------------------

  let differs = 0;
  let read = 0;
  clock.everySecond(() => {
    if (document.hidden || !voicedash.liveness.isLive() || !voicedash.finding.isWhole()) { differs = 0; return; }
    const all = rows.all();
    const { live, paused } = counts();
    const same = all.filter((row) => !rows.isEnded(row)).length === Number(live) && all.filter((row) => rows.isPaused(row) && !isCounted(row)).length === Number(paused);
    differs = same ? 0 : differs || clock.ours();
    if (!differs || clock.ours() - differs < DISAGREES || clock.ours() - read < AGAIN) return;
    read = clock.ours();
    voicedash.reads.reload();
  });

  voicedash.parts = { take, count };
})();
