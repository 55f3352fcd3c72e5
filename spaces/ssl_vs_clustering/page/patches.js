// The patches of an image as a grid of buttons over it: one is in the tab order, arrow keys go to the others.
window.hfSsl ??= {};

/**
 * Make the grid of side by side patches. onToggle(index): a patch was clicked, or chosen by Enter or Space.
 * @returns {element, show(hidden)}
 */
hfSsl.patches = function (side, onToggle) {
  let active = 0;
  const name = (index) => `Patch in row ${Math.floor(index / side) + 1}, column ${(index % side) + 1}`;
  const buttons = Array.from({ length: side * side }, (_, index) =>
    hfSsl.element("button", {
      type: "button",
      className: "patch",
      tabIndex: index === 0 ? 0 : -1,
      "aria-label": name(index),
      "aria-pressed": "false",
      onclick: () => {
        activate(index);
        onToggle(index);
      },
    }),
  );

  /** Make a patch the one in the tab order. */
  function activate(index) {
    buttons[active].tabIndex = -1;
    active = index;
    buttons[active].tabIndex = 0;
  }

  /** Where a key leads from the active patch, or null. */
  function target(key) {
    const [line, column] = [Math.floor(active / side), active % side];
    if (key === "ArrowRight" && column < side - 1) return active + 1;
    if (key === "ArrowLeft" && column > 0) return active - 1;
    if (key === "ArrowDown" && line < side - 1) return active + side;
    if (key === "ArrowUp" && line > 0) return active - side;
    if (key === "Home") return line * side;
    if (key === "End") return line * side + side - 1;
    return null;
  }

  const grid = hfSsl.element(
    "div",
    {
      className: "patches",
      role: "group",
      "aria-label": "Patches: arrow keys move, Enter hides one or shows it again",
    },
    ...buttons,
  );
  grid.style.setProperty("--side", side);
  grid.addEventListener("keydown", (event) => {
    if (!/^(Arrow|Home|End)/.test(event.key)) return;
    event.preventDefault(); // nor does the page scroll at the edge
    const index = target(event.key);
    if (index === null) return;
    activate(index);
    buttons[index].focus();
  });
  return {
    element: grid,
    show(hidden) {
      const set = new Set(hidden);
      buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(set.has(index))));
    },
  };
};
