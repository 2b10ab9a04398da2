// SPDX-License-Identifier: BSL-1.0
// Finds pages, headings and names. The index is a script, so that it loads from a disk, too.
"use strict";
(() => {
  const root = document.currentScript.dataset.root;
  const form = document.querySelector(".search");
  const input = form.querySelector("input");
  const list = form.querySelector("#found");
  let chosen = -1;
  form.hidden = false;

  function load(then) {
    if (window.searchIndex) return then();
    const script = document.createElement("script");
    script.src = root + "search-index.js";
    script.onload = then;
    document.head.append(script);
  }

  // Lower is better; -1: not every word is in it.
  function rank(text, words) {
    const lower = text.toLowerCase();
    let sum = lower.length / 100;
    for (const word of words) {
      const at = lower.indexOf(word);
      if (at < 0) return -1;
      sum += lower === word ? -20 : at === 0 ? 0 : /\W/.test(lower[at - 1]) ? 2 : 5;
    }
    return sum;
  }

  function choose(to) {
    const items = list.children;
    if (items.length === 0) return;
    if (items[chosen]) items[chosen].setAttribute("aria-selected", "false");
    chosen = (to + items.length) % items.length;
    items[chosen].setAttribute("aria-selected", "true");
    items[chosen].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", items[chosen].id);
  }

  function show(is_open) {
    list.hidden = !is_open;
    input.setAttribute("aria-expanded", String(is_open));
    if (!is_open) input.removeAttribute("aria-activedescendant");
  }

  function search() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.replaceChildren();
    chosen = -1;
    if (words.length === 0) return show(false);
    const kinds = { page: 0, class: 0, struct: 0, enum: 0, behaviour: 1, function: 1, heading: 3 };
    const found = window.searchIndex
      .map(entry => [rank(entry[0], words) + (kinds[entry[2]] ?? 2) / 2, entry])
      .filter(([at, entry]) => rank(entry[0], words) !== -1)
      .sort((a, b) => a[0] - b[0]).slice(0, 30);
    for (const [, [text, url, kind]] of found) {
      const item = document.createElement("li");
      const link = document.createElement("a");
      const note = document.createElement("small");
      item.id = "found-" + list.children.length;
      item.setAttribute("role", "option");
      link.href = root + url;
      link.tabIndex = -1;
      note.textContent = " " + kind;
      link.append(text, note);
      item.append(link);
      list.append(item);
    }
    if (found.length === 0) {
      const none = document.createElement("li");
      none.textContent = "Nothing has these words.";
      list.append(none);
    }
    show(true);
  }

  input.addEventListener("focus", () => load(() => {}));
  input.addEventListener("input", () => load(search));
  input.addEventListener("keydown", event => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(event.key === "ArrowDown" ? chosen + 1 : chosen < 0 ? -1 : chosen - 1);
    } else if (event.key === "Escape") {
      show(false);
    }
  });
  form.addEventListener("submit", event => {
    event.preventDefault();
    const link = (list.children[chosen] ?? list.children[0])?.querySelector("a");
    if (link) location.href = link.href;
    show(false);
  });
  form.addEventListener("focusout", event => {
    if (!form.contains(event.relatedTarget)) setTimeout(() => show(false), 150);
  });
  document.addEventListener("keydown", event => {
    const typing = /^(?:INPUT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      input.focus();
    }
  });
})();
