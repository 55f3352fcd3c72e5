// A part of the page that waits for answers: quick ones do not flicker, old ones are dropped, failures are said where they happened.
window.hfSsl ??= {};

/**
 * Let a place of the page wait for work.
 * @returns {(work: () => Promise, use: (answer) => void) => Promise<void>} runs the work; only the newest one is used.
 *   Its forget() drops what is under way, and what was said of a failure.
 */
hfSsl.part = function (place) {
  let newest = 0;
  let timer = null;
  let again = () => {};
  const sentence = hfSsl.element("p", { role: "alert" });
  const retry = hfSsl.element("button", { type: "button", className: "plain", onclick: () => again() }, "Try again");
  const problem = hfSsl.element("div", { className: "problem" }, sentence, retry);
  problem.classList.add("away");
  place.classList.add("part");
  place.append(problem);

  /** Show or hide that work is under way. */
  function busy(yes) {
    clearTimeout(timer);
    place.classList.toggle("busy", yes);
    place.setAttribute("aria-busy", String(yes));
  }

  async function run(work, use) {
    newest += 1;
    const mine = newest;
    again = () => run(work, use);
    clearTimeout(timer);
    timer = setTimeout(() => busy(true), 150);
    let failure = null;
    try {
      const answer = await work();
      if (mine === newest) use(answer);
    } catch (error) {
      failure = error;
    }
    if (mine !== newest) return;
    busy(false);
    sentence.textContent = failure ? hfSsl.sentence(failure.message) : "";
    problem.classList.toggle("away", !failure);
  }

  /** Drop what is under way: its answer is not wanted any more. */
  function forget() {
    newest += 1;
    busy(false);
    sentence.textContent = "";
    problem.classList.add("away");
  }

  return Object.assign(run, { forget });
};

/** The words as a sentence: a capital letter, and a full stop. */
hfSsl.sentence = (words) => (words ?? "").replace(/^./u, (letter) => letter.toUpperCase()).replace(/[^.!?]$/u, "$&.");

/** Call a function once nobody has asked for it again for so many milliseconds. */
hfSsl.debounced = function (callback, milliseconds = 250) {
  let timer = null;
  return function (...values) {
    clearTimeout(timer);
    timer = setTimeout(() => callback(...values), milliseconds);
  };
};

/** A panel that has nothing to show: why, and the command that changes it. */
hfSsl.emptyPanel = function (root, { empty, command }) {
  root.replaceChildren(
    hfSsl.element(
      "div",
      { className: "page" },
      hfSsl.element(
        "div",
        { className: "nothing" },
        hfSsl.element("h1", {}, "Nothing here yet"),
        hfSsl.element("p", {}, empty),
        command ? hfSsl.element("code", { className: "command" }, command) : null,
      ),
    ),
  );
};
