// Search, filters and pages: which rows of the tenant are in the list, and which of those are shown.
"use strict";
(() => {
  const ENOUGH = 300;  // rows that are loaded without anybody asking
  const TYPED = 200;   // a pause in typing, after which the whole tenant is searched

  const { voicedash } = window;
  if (!voicedash) return;
  const { clock, rows, legs, reads, liveness } = voicedash;
  const board = document.getElementById("board");
  const list = document.getElementById("rows");
  const search = document.getElementById("search");
  const nothing = document.getElementById("nothing");
  const further = document.getElementById("further");
  const team = document.getElementById("team") || { value: "" };  // a tenant may have none
  const { boardUrl } = document.querySelector(".bar").dataset;
  const filters = [...document.querySelectorAll(".count")];

  // The pages and searches of browsers without JavaScript: here they would be a list with a hole.
  if (/[?&](after|q|show|team)=/.test(location.search)) { location.replace(boardUrl); return; }

  let show = "";
  let beyond = "";  // the mark after which there are calls that were not loaded; "": there are none
  let sought = "";  // what the whole tenant was searched for
  let matching = 0; // matches that did not come: there are too many

  const typed = () => search.value.trim();

  // ---- Which rows are in the list --------------------------------------------------------------

  function know(section) {
    beyond = section.next || "";
  }
  // May this row join by itself? Beyond what is loaded only if somebody must see it, or looks for it.
  const isWanted = (row) => Boolean(legs.of(row)) || (legs.isWhole(row) && Boolean(legs.standsFor(row))) || !beyond || rows.orderOf(row) <= beyond || isPressing(row) || (isFinding() && matches(row));
  const isPressing = (row) => rows.needs(row) || rows.isPaused(row) || Boolean(row.dataset.asking);
  const isFinding = () => typed() !== "" || show !== "" || team.value !== "";
  const fits = (row) => (legs.of(row) ? legs.isShown(row) : !isFinding() || matches(row));

  // ---- Which are shown -------------------------------------------------------------------------

  const kinds = {
    live: (row) => !rows.isEnded(row),
    paused: rows.isPaused,
    needs: rows.needs,
  };
  function matches(row) {
    if (show && !kinds[show](row)) return false;
    const all = legs.isWhole(row) ? [row, ...legs.legsOf(row)] : [row];
    return all.some(matchesAlone);
  }
  function matchesAlone(row) {
    if (team.value && row.dataset.team !== team.value) return false;
    const text = fold(typed());
    if (!text) return true;
    const [ours, theirs] = [row.querySelector(".party"), row.querySelector(".other")];
    const names = fold(`${ours.textContent} ${theirs.textContent}`);
    const shown = `${names} ${ours.title} ${theirs.title}`.toLowerCase();  // numbers behind names, and the id
    const digits = text.replace(/[\s()+./-]/g, "");
    const words = text.split(/[\s,]+/).filter(Boolean);
    return shown.includes(text) || (words.length > 0 && words.every((word) => names.includes(word)))
      || (/^\d{2,}$/.test(digits) && shown.replace(/\D/g, "").includes(digits));
  }
  // As the server has it: without capitals and accents.
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("ß", "ss");
  // `keep`: a hand is on the list. What comes to match, or matches no longer, waits until it is gone, but for what
  // is below the view.
  let filtered = false;
  let waiting = false;
  function filter(keep = false) {
    const finding = isFinding();
    let found = inList();
    waiting = false;
    if (finding || filtered) {
      found = 0;
      for (const row of [...list.children].filter((one) => !legs.of(one))) {
        const hide = !fits(row);
        if (row.hidden !== hide) {
          if (!keep || rows.below(row)) row.hidden = hide;
          else waiting = true;
        }
        if (!row.hidden) found += 1;
      }
      legs.arrange();
    }
    filtered = finding;
    tell(found);
  }
  const inList = () => [...list.children].filter((row) => !legs.of(row)).length;
  function tell(found) {
    const text = typed();
    const searching = isFinding() && beyond && sought !== query();
    let told = "";
    if (list.children.length && !found) told = searching ? "Searching all calls…" : text ? `No call matches “${text}”.` : "No such call now.";
    else if (isFinding() && matching > 0 && !searching) told = `${matching.toLocaleString("en-US")} more match: type more of the name or number.`;
    nothing.hidden = !told;
    if (nothing.textContent !== told) nothing.textContent = told;
    further.hidden = !beyond || isFinding();
    if (further.hidden) return;
    const here = rows.all().filter((row) => !rows.isEnded(row)).length;
    const rest = Math.max(1, Number(document.getElementById("part-counts").dataset.live) - here);
    const label = `Show ${Math.min(100, rest)} more (${rest.toLocaleString("en-US")} further)`;
    if (further.textContent !== label) further.textContent = label;
  }

  search.addEventListener("input", () => { filter(); seek(TYPED, { pressed: true }); });
  if (team.addEventListener) team.addEventListener("change", () => { filter(); seek(0, { pressed: true }); });
  list.addEventListener("voicedash:rows", (event) => filter(!event.detail.free));
  clock.everySecond(() => { if (waiting && rows.free()) filter(); });
  for (const button of filters) {
    button.addEventListener("click", () => {
      show = show === button.dataset.show ? "" : button.dataset.show;
      for (const other of filters) other.setAttribute("aria-pressed", String(other.dataset.show === show));
      filter();
      seek(0, { pressed: true });
    });
  }

  // ---- Searching the whole tenant, where it is not all loaded ----------------------------------

  const query = () => new URLSearchParams({ q: typed(), show, team: team.value }).toString();
  let asking = 0;
  // `pressed`: somebody typed or clicked, and waits for what is found.
  function seek(wait, { pressed }) {
    clearTimeout(asking);
    matching = 0;
    if (!beyond) return;
    if (!isFinding()) { sought = ""; forget(); return; }
    asking = setTimeout(searchAll, wait, query(), pressed);
  }
  async function searchAll(asked, pressed) {
    asking = 0;
    let found = null;
    try {
      const page = await reads.ask(`${boardUrl}?${asked}`);
      found = page && reads.part(page, "found");
    } catch { /* the header says that there is no answer */ }
    if (asked !== query()) return;
    if (!found) { asking = setTimeout(searchAll, 2000, asked, pressed); return; }
    await rows.put([...found.querySelectorAll("li.row")], { pressed });
    sought = asked;
    matching = Number(found.dataset.left);
    reads.tookAsOf(Number(found.dataset.version));
    filter(!rows.free());
  }
  // What only a search has brought leaves again, or the list would have holes that nobody sees.
  function forget() {
    if (beyond) rows.leave(rows.all().filter((row) => rows.orderOf(row) > beyond && !isPressing(row)).flatMap((row) => (legs.isWhole(row) ? [...legs.legsOf(row), row] : [row])));
  }

  // ---- Pages -----------------------------------------------------------------------------------

  let loading = false;
  async function more({ pressed = false } = {}) {
    if (loading || !beyond) return;
    loading = true;
    further.setAttribute("aria-busy", "true");
    try {
      const after = beyond;
      const page = await reads.ask(`${boardUrl}?after=${after}`);
      const section = page && reads.part(page, "more");
      if (!section || after !== beyond) return;
      if (!pressed) await untilFree();
      if (after !== beyond) return;
      know(section.dataset);
      await rows.put([...section.querySelectorAll("li.row")], { page: true, pressed: true });
      reads.tookAsOf(Number(section.dataset.version));
    } catch { /* the header says that there is no answer; the button is still there */ }
    finally {
      loading = false;
      further.removeAttribute("aria-busy");
      tell(inList());
    }
  }
  // A page joins above the rows that came before their turn: not while a hand may be on one of those.
  async function untilFree() {
    const early = () => list.lastElementChild && rows.orderOf(list.lastElementChild) > beyond;
    while (early() && !rows.free()) await new Promise((go) => { setTimeout(go, 1000); });
  }
  further.addEventListener("click", () => more({ pressed: true }));
  clock.everySecond(() => {
    if (beyond && list.children.length < ENOUGH && !document.hidden && liveness.isLive()) more();
  });

  // ---- For the others --------------------------------------------------------------------------

  know(board.dataset);
  tell(inList());
  voicedash.finding = {
    fits, isWanted, know,
    isWhole: () => !beyond,
    // Is a page that begins after `mark` shown, once `many` rows before it are?
    reaches: (mark, many) => (!beyond || mark < beyond) && many < Math.max(ENOUGH, list.children.length),
    again: () => { if (isFinding() && !asking) seek(0, { pressed: false }); },
    clear: () => { search.value = ""; filter(); seek(0, { pressed: true }); },
  };
  legs.arrange();
})();
