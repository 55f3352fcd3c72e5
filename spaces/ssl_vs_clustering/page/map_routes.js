// Ways to reach a point of the map: pointer, touch and keyboard; what is under them is shown and spoken.
window.hfSsl ??= {};

/** The row nearest to a place on the map in pixels, or -1 where none is within reach. */
hfSsl.rowAt = function (view, x, y, reach) {
  let best = -1;
  let least = reach ** 2;
  for (let row = 0; row < view.x.length; row += 1) {
    const [x2, y2] = hfSsl.onMap(view, view.x[row], view.y[row]);
    const distance = (x2 - x) ** 2 + (y2 - y) ** 2;
    if (distance < least) [best, least] = [row, distance];
  }
  return best;
};

/** The nearest row in a direction: what lies off to the side counts as further away. */
hfSsl.rowTowards = function (view, from, [right, down]) {
  const [x, y] = hfSsl.onMap(view, view.x[from], view.y[from]);
  let best = from;
  let least = Infinity;
  for (let row = 0; row < view.x.length; row += 1) {
    const [x2, y2] = hfSsl.onMap(view, view.x[row], view.y[row]);
    const along = (x2 - x) * right + (y2 - y) * down;
    const aside = Math.abs((x2 - x) * down) + Math.abs((y2 - y) * right);
    if (along >= 1 && aside <= 2 * along && along + 2 * aside < least) [best, least] = [row, along + 2 * aside];
  }
  return best;
};

/** The words about a row beside its point. */
hfSsl.showTip = function (view, tip, row) {
  tip.classList.toggle("away", row < 0);
  if (row < 0) return;
  const [x, y] = hfSsl.onMap(view, view.x[row], view.y[row]);
  const { text, about } = view.describe(row);
  const words = [text ? hfSsl.said(text, "excerpt") : "", hfSsl.element("span", { className: "about" }, about)];
  tip.replaceChildren(view.thumbnails ? view.thumbnails.face(row, 56) : "", hfSsl.element("div", {}, ...words));
  tip.classList.toggle("below", y < view.height / 3);
  tip.style.left = `${Math.max(0, Math.min(x - tip.offsetWidth / 2, view.width - tip.offsetWidth))}px`;
  tip.style.top = `${y}px`;
};

/** Let people point at, reach and pick the points of a map; returns the line that screen readers speak. */
hfSsl.listenToMap = function (view) {
  const { box } = view;
  const tip = hfSsl.element("div", { className: "tip away", "aria-hidden": "true" });
  const option = hfSsl.element("div", {
    className: "unseen",
    role: "option",
    id: hfSsl.uniqueName("point"),
    "aria-selected": "false",
  });
  const spoken = hfSsl.spoken();
  box.append(tip, option);
  let active = -1;

  /** Make a row the one that Enter picks. */
  function activate(row, aloud) {
    if (active >= 0) view.dots[active].classList.remove("active");
    active = row;
    hfSsl.showTip(view, tip, row);
    if (row < 0) return;
    const dot = view.dots[row];
    dot.classList.add("active");
    const { text, about } = view.describe(row);
    option.textContent = [text, about].filter(Boolean).join(" · ");
    if (aloud) spoken.textContent = option.textContent;
  }

  /** Pick the active row. */
  function pick() {
    if (active < 0) return;
    option.setAttribute("aria-selected", "true");
    view.onPick(active);
  }

  box.setAttribute("aria-activedescendant", option.id);
  option.textContent = "Arrow keys go from point to point, Enter picks one.";
  const under = (event, reach) => {
    const frame = box.getBoundingClientRect();
    return hfSsl.rowAt(view, event.clientX - frame.left, event.clientY - frame.top, reach);
  };
  box.addEventListener("pointermove", (event) => event.pointerType === "mouse" && activate(under(event, 14), false));
  box.addEventListener("pointerleave", () => document.activeElement !== box && activate(-1, false));
  box.addEventListener("click", (event) => {
    activate(under(event, 24), false);
    pick();
  });
  box.addEventListener("focus", () => {
    if (!view.x.length || active >= 0 || !box.matches(":focus-visible")) return;
    const [x, y] = view.place ? hfSsl.onMap(view, view.place.x, view.place.y) : [view.width / 2, view.height / 2];
    activate(hfSsl.rowAt(view, x, y, Infinity), true);
  });
  box.addEventListener("blur", () => activate(-1, false));
  box.addEventListener("keydown", (event) => {
    const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    const picks = event.key === "Enter" || event.key === " ";
    if (event.key === "Escape") activate(-1, false);
    if (!(event.key in ways || picks) || !view.x.length) return;
    event.preventDefault();
    if (picks) pick();
    else
      activate(
        active < 0
          ? hfSsl.rowAt(view, view.width / 2, view.height / 2, Infinity)
          : hfSsl.rowTowards(view, active, ways[event.key]),
        true,
      );
  });
  return spoken;
};
