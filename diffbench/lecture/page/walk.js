"use strict";
// What has been computed by a step is the sum of the stages up to it; every step draws the page anew from that.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const by = (id) => document.getElementById(id);
  const root = document.documentElement;
  const MODES = { value: "value", forward: "forward mode", reverse: "reverse mode" };
  const MOVING = { value: "", forward: "tangent", reverse: "adjoint" };
  const at = { mode: "value", seed: 0, place: 0 };

  const element = (name, text = "", attributes = {}) => {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const sweeps = () => data.sweeps.filter((sweep) => sweep.mode === at.mode);
  const stages = () => sweeps()[at.seed].stages;

  // A number as the page shows it; its full precision is its title.
  const put = (cell, number, full = false, name = "") => {
    cell.textContent = number ? name + (full ? number.full : number.text) : "";
    if (number) cell.title = number.full;
    else cell.removeAttribute("title");
  };

  // ---- what stays -------------------------------------------------------------------------------------------------

  const modes = Object.keys(MODES).map((mode) => {
    const label = element("label");
    const radio = element("input", "", { type: "radio", name: "mode", value: mode });
    radio.addEventListener("change", () => go({ mode, seed: 0, place: 0 }));
    label.append(radio, MODES[mode]);
    by("modes").append(label);
    return radio;
  });

  const lines = new Map(); // "file:line" -> its element
  for (const [number, program] of data.programs.entries()) {
    if (data.programs.length > 1) by("source").append(element("h3", program.name));
    const list = element("ol");
    program.lines.forEach((text, k) => {
      const line = element("li", text || " ", { "data-line": program.first + k });
      lines.set(`${number}:${program.first + k}`, line);
      list.append(line);
    });
    by("source").append(list);
  }

  const rows = data.steps.map((step) => {
    const row = element("tr");
    const cells = ["", "", "", "moved"].map((kind) => element("td", "", kind ? { class: kind } : {}));
    cells[0].textContent = step.formula;
    row.append(...cells);
    by("rows").append(row);
    return { row, cells };
  });

  const boxes = [...document.querySelectorAll(".graph .box")].map((group) => ({
    group,
    first: Number(group.dataset.first),
    last: Number(group.dataset.last),
    above: group.querySelector(".above"),
    below: group.querySelector(".below"),
  }));
  const arrows = [...document.querySelectorAll(".graph .arrow")].map((group) => ({
    group,
    terms: group.dataset.terms.split(" "),
  }));

  // ---- what a step shows ------------------------------------------------------------------------------------------

  const until = (place) => {
    const state = { values: new Set(), moved: new Map(), carried: new Set(), finished: new Set() };
    for (const stage of stages().slice(0, place + 1)) {
      stage.values.forEach((step) => state.values.add(step));
      stage.moved.forEach(([step, number]) => state.moved.set(step, number));
      stage.carried.forEach((term) => state.carried.add(term));
      stage.finished.forEach((step) => state.finished.add(step));
    }
    return state;
  };

  const show = () => {
    const stage = stages()[at.place];
    const state = until(at.place);
    const last = stages().length - 1;
    const full = by("digits").checked;
    root.dataset.mode = at.mode;
    modes.forEach((radio) => { radio.checked = radio.value === at.mode; });
    by("seeding").hidden = sweeps().length < 2;
    by("place").max = last;
    by("place").value = at.place;
    by("place").setAttribute("aria-valuetext", `step ${at.place} of ${last}`);
    by("count").textContent = `step ${at.place} of ${last}`;
    by("first").disabled = by("back").disabled = at.place === 0;
    by("last").disabled = by("on").disabled = at.place === last;
    by("words").textContent = stage.words;
    by("lines").replaceChildren(...stage.lines.map((line) => element("p", line)));
    by("moving").textContent = MOVING[at.mode];

    data.steps.forEach((step, k) => {
      const { row, cells } = rows[k];
      const known = state.values.has(k);
      put(cells[1], known ? step.value : null, full);
      cells[2].replaceChildren(...(known ? step.partials : []).map((partial) => {
        const line = element("div", `∂/∂${partial.parent} = ${partial.text}`);
        if (partial.value && partial.value.text !== partial.text) {
          const number = element("span");
          put(number, partial.value, full, " = ");
          line.append(number);
        }
        return line;
      }));
      put(cells[3], state.moved.get(k), full, step[at.mode] ? `${step[at.mode]} = ` : "");
      row.toggleAttribute("aria-current", false);
      if (k === stage.present) row.setAttribute("aria-current", "step");
    });
    boxes.forEach(({ group, first, last: end, above, below }) => {
      const holds = (step) => first <= step && step <= end;
      group.classList.toggle("present", stage.present !== null && holds(stage.present));
      group.classList.toggle("done", [...state.finished].some(holds));
      if (!above) return;
      above.textContent = state.values.has(end) ? (first < end ? `${data.steps[end].name} = ` : "") + data.steps[end].value.text : "";
      const moved = state.moved.get(end);
      below.textContent = moved ? `${data.steps[end][at.mode]} = ${moved.text}` : "";
    });
    arrows.forEach(({ group, terms }) => {
      group.classList.toggle("carried", terms.some((term) => state.carried.has(term)));
      group.classList.toggle("carrying", terms.some((term) => stage.carried.includes(term)));
      group.classList.toggle("known", terms.some((term) => state.values.has(Number(term.split(":")[0]))));
    });
    lines.forEach((line) => line.removeAttribute("aria-current"));
    const line = stage.present === null ? null : lines.get(data.steps[stage.present].where);
    if (line) {
      line.setAttribute("aria-current", "step");
      reveal(line, line.closest("section"));
    }
    if (stage.present !== null) reveal(rows[stage.present].row, by("rows").closest("section"));
  };

  // Scrolls a section, never the page.
  const reveal = (child, section) => {
    const inner = child.getBoundingClientRect();
    const outer = section.getBoundingClientRect();
    if (inner.top < outer.top) section.scrollTop -= outer.top - inner.top;
    if (inner.bottom > outer.bottom) section.scrollTop += inner.bottom - outer.bottom;
  };

  const transcript = () => {
    by("transcript").replaceChildren(...stages().map((stage) => {
      const item = element("li");
      item.append(element("p", stage.words), ...stage.lines.map((line) => element("p", line, { class: "formula" })));
      return item;
    }));
  };

  // ---- going from step to step ------------------------------------------------------------------------------------

  const go = (change) => {
    const anew = change.mode !== undefined || change.seed !== undefined;
    Object.assign(at, change);
    at.seed = Math.min(Math.max(at.seed, 0), sweeps().length - 1);
    at.place = Math.min(Math.max(at.place, 0), stages().length - 1);
    if (anew) {
      by("seed").replaceChildren(...sweeps().map((sweep, k) => element("option", sweep.label, { value: k })));
      by("seed").value = at.seed;
      transcript();
    }
    show();
    history.replaceState(null, "", `#${at.mode}/${at.seed}/${at.place}`); // a link to this very step
  };

  const arrive = () => {
    const [mode, seed, place] = location.hash.slice(1).split("/");
    go({ mode: mode in MODES ? mode : "value", seed: parseInt(seed, 10) || 0, place: parseInt(place, 10) || 0 });
  };

  by("first").addEventListener("click", () => go({ place: 0 }));
  by("back").addEventListener("click", () => go({ place: at.place - 1 }));
  by("on").addEventListener("click", () => go({ place: at.place + 1 }));
  by("last").addEventListener("click", () => go({ place: stages().length - 1 }));
  by("place").addEventListener("input", (event) => go({ place: Number(event.target.value) }));
  by("seed").addEventListener("change", (event) => go({ seed: Number(event.target.value), place: 0 }));
  by("digits").addEventListener("change", show);
  addEventListener("hashchange", arrive);
  addEventListener("keydown", (event) => {
    const where = { ArrowRight: at.place + 1, ArrowLeft: at.place - 1, Home: 0, End: stages().length - 1 }[event.key];
    const own = event.target.matches?.("input, select"); // these have their own use for arrows
    if (where === undefined || own || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go({ place: where });
  });

  const THEMES = { "": "as the system has them", light: "light", dark: "dark" };
  const dress = (theme) => {
    root.dataset.theme = theme;
    by("theme").setAttribute("aria-label", `Colours: ${THEMES[theme]}`);
    by("theme").title = `Colours: ${THEMES[theme]}`;
  };
  by("theme").addEventListener("click", () => {
    const names = Object.keys(THEMES);
    dress(names[(names.indexOf(root.dataset.theme) + 1) % names.length]);
  });
  dress("");

  // On paper everything is there: the last step, and all of them in words.
  const paper = matchMedia("print");
  let before = null;
  paper.addEventListener("change", () => {
    if (paper.matches) {
      before = { place: at.place, open: by("all").open };
      by("all").open = true;
      at.place = stages().length - 1;
    } else if (before) {
      at.place = before.place;
      by("all").open = before.open;
    }
    show();
  });

  arrive();
})();
