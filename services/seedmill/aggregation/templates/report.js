"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const label = () => { button.textContent = isDark() ? "Light colours" : "Dark colours"; };
  button.hidden = false;
  label();
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });

  const filters = document.getElementById("filters");
  if (!filters) return;
  filters.hidden = false;
  filters.addEventListener("click", (event) => {
    const chosen = event.target.closest("button");
    if (!chosen) return;
    for (const each of filters.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === chosen));
    for (const example of document.querySelectorAll("#rejected-list .example")) {
      example.hidden = chosen.dataset.reason !== "" && example.dataset.reason !== chosen.dataset.reason;
    }
  });
})();
