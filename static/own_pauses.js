// A press on this page may take seconds: it says so, and a double click presses once. What is left of a pause ticks, and
// once its time is over the page, which hears of nothing, no longer says that it is paused. It works without this file.
"use strict";
for (const form of document.querySelectorAll(".own form[data-slow]")) {
  form.addEventListener("submit", (event) => {
    if ("sent" in form.dataset) { event.preventDefault(); return; }
    form.dataset.sent = "";
    const resumes = event.submitter && event.submitter.name !== "hand" && event.submitter.name !== "hand-all";
    document.getElementById("wait").textContent = resumes ? "Wait, resuming…: treat as recording." : "Wait, handing over…";
  });

  const ahead = Date.parse(form.dataset.now) - Date.now();  // the server's clock minus ours, as near as matters here
  const lasted = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const tick = () => {
    for (const place of form.querySelectorAll("[data-ends]")) {
      const left = Math.ceil((Date.parse(place.dataset.ends) - Date.now() - ahead) / 1000);
      if (left > 0) place.querySelector(".left").textContent = `resumes in ${lasted(left)}, at`;
      else lose(place);
    }
  };
  setInterval(tick, 1000);
  tick();
}

function lose(place) {
  const how = place.closest(".how");
  const use = how.querySelector("use");
  const again = document.createElement("a");
  how.classList.add("bad");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, "#dashed"));
  how.querySelector(".word").textContent = "Not confirmed: treat as recording";
  how.querySelector(".since")?.remove();
  again.href = location.href;
  again.textContent = "Look again";
  place.querySelector(".left").textContent = "it was to resume at";
  place.append(". ", again);
  delete place.dataset.ends;
}
