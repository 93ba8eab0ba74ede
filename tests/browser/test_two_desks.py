"""Two desks in one document, as in a notebook, do not look into each other's colours."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from served import Served
from watching import Watch, until

MOUNT = """async () => {
    const { default: widget } = await import("/static/desk.js");
    document.body.replaceChildren();
    for (const name of ["first", "second"]) {
        const cell = document.body.appendChild(document.createElement("div"));
        cell.id = name;
        const told = { height: 640, at: "layer=hidden1&tab=layer" };
        const hear = new Set();
        const model = {
            get: (name) => told[name],
            set: (name, value) => (told[name] = value),
            save_changes: () => {},
            on: (event, call) => event === "msg:custom" && hear.add(call),
            off: (_, call) => hear.delete(call),
            send: async ({ id, kind, question }) => {
                const body = JSON.stringify(question);
                const answer = await fetch(`/ask/${kind}`, { method: "POST", body });
                const packed = new DataView(await answer.arrayBuffer());
                for (const call of hear) call({ id }, [packed]);
            },
        };
        widget.render({ el: cell, model });
    }
}"""
LIGHTNESS = """each => {
    const { data } = each.getContext("2d").getImageData(0, 0, each.width, each.height);
    let [sum, count] = [0, 0];
    for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] > 200) { sum += (data[at] + data[at + 1] + data[at + 2]) / 3; count++; }
    return count ? sum / count : NaN;
}"""
DARKEST = """each => {
    const { data } = each.getContext("2d").getImageData(0, 0, each.width, each.height);
    let least = 255;
    for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] === 255) least = Math.min(least, (data[at] + data[at + 1] + data[at + 2]) / 3);
    return least;
}"""
PICTURES = ("[aria-label=inspector] canvas[role=slider]", "[aria-label='channel strips'] canvas")
PLOT = ".uplot canvas"


def test_each_is_painted_in_the_colours_of_its_own_place(page: Page, server: Served, watch: Watch) -> None:
    watch.expected.append("willReadFrequently")  # the test reads what the page only paints
    page.goto(server.link)
    page.locator("main.weightdesk .columns").wait_for()
    page.evaluate(MOUNT)
    for desk in ("first", "second"):
        for where in (*PICTURES, PLOT):
            expect(page.locator(f"#{desk} {where}").first).to_be_visible()

    def painted(desk: str, where: str, measure: str) -> float:
        return float(page.locator(f"#{desk} {where}").first.evaluate(measure))

    def differ(light: str, dark: str) -> bool:
        grounds = (painted(light, each, LIGHTNESS) > painted(dark, each, LIGHTNESS) + 40 for each in PICTURES)
        # the lines of a plot are in ink: nearly black on white
        return all(grounds) and painted(light, PLOT, DARKEST) < 45 < painted(dark, PLOT, DARKEST)

    for light, dark in (("first", "second"), ("second", "first")):
        for desk, scheme in ((light, "light"), (dark, "dark")):
            page.locator(f"#{desk}").evaluate("(each, to) => (each.style.colorScheme = to)", scheme)
        until(page, lambda light=light, dark=dark: differ(light, dark))  # type: ignore[misc]
