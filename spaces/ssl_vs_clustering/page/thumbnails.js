// Small pictures of the rows, cut out of one large picture; on the map they are thinned out so that none lies on another.
window.hfSsl ??= {};

/** The thumbnails of a page: {sprite: data URI, columns}. */
hfSsl.thumbnails = function ({ sprite, columns, rows }) {
  const layer = hfSsl.element("div", { className: "thumbnails", "aria-hidden": "true" });
  const address = `url(${URL.createObjectURL(hfSsl.blobOf(sprite))})`; // short, as it is written into every thumbnail
  const shown = new Map();
  let groups = [];
  const lines = Math.ceil(rows.length / columns);

  /** One thumbnail, so many pixels a side. */
  function face(row, size) {
    const made = hfSsl.element("span", { className: "face" });
    const across = row % columns;
    Object.assign(made.style, {
      width: `${size}px`,
      height: `${size}px`,
      backgroundImage: address,
      backgroundSize: `${columns * size}px ${lines * size}px`,
      backgroundPosition: `${-across * size}px ${-((row - across) / columns) * size}px`,
    });
    return made;
  }

  /** Colour a thumbnail's border by its row's group. */
  function border(row, made) {
    made.className = `face ${hfSsl.colourClass(groups[row] ?? -1)}`;
  }

  return {
    layer,
    face,
    layOut(view) {
      const size = view.width < 480 ? 20 : 26;
      const chosen = hfSsl.thinnedOut(view, size + 6);
      for (const [row, made] of shown) {
        if (chosen.has(row)) continue;
        made.remove();
        shown.delete(row);
      }
      for (const row of chosen) {
        const [x, y] = hfSsl.onMap(view, view.x[row], view.y[row]);
        const made = shown.get(row) ?? layer.appendChild(face(row, size));
        shown.set(row, made);
        border(row, made);
        made.style.transform = `translate(${(x - size / 2).toFixed(1)}px, ${(y - size / 2).toFixed(1)}px)`;
      }
    },
    paint(newGroups) {
      groups = newGroups;
      for (const [row, made] of shown) border(row, made);
    },
    dim(isOut) {
      for (const [row, made] of shown) made.classList.toggle("dim", Boolean(isOut?.(row)));
    },
  };
};

/** Rows whose thumbnails, so many pixels apart, do not touch; the first rows go first, so most stay when points move. */
hfSsl.thinnedOut = function (view, apart) {
  const taken = new Map();
  const chosen = new Set();
  for (let row = 0; row < view.x.length; row += 1) {
    const [x, y] = hfSsl.onMap(view, view.x[row], view.y[row]);
    const [column, line] = [Math.floor(x / apart), Math.floor(y / apart)];
    let free = true;
    for (let i = -1; i <= 1; i += 1) {
      for (let j = -1; j <= 1; j += 1) {
        const other = taken.get(`${column + i},${line + j}`);
        if (other && Math.abs(other[0] - x) < apart && Math.abs(other[1] - y) < apart) free = false;
      }
    }
    if (!free) continue;
    taken.set(`${column},${line}`, [x, y]);
    chosen.add(row);
  }
  return chosen;
};

/** The bytes of a data URI. */
hfSsl.blobOf = function (uri) {
  const [head, content] = uri.split(",");
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: /^data:([^;,]*)/.exec(head)[1] });
};
