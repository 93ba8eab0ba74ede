import { mount, unmount } from "svelte";
import App from "./App.svelte";
import { frame } from "./hosts/frame";
import { FileHost } from "./hosts/file";
import type { Host } from "./hosts/host";
import { ServerHost } from "./hosts/server";
import { AddressBar, WidgetState, type Place } from "./hosts/place";
import { WidgetHost, type WidgetModel } from "./hosts/widget";
import { Desk } from "./model/desk.svelte";
import "./look.css";

/** Put a desk into an element; returns how to take it out again. */
export function open(target: HTMLElement, host: Host, place: Place): () => void {
  const app = mount(App, { target, props: { desk: new Desk(host), place } });
  return () => void unmount(app);
}

const page = document.querySelector<HTMLElement>("body > #desk");
const file = document.getElementById("weightdesk-run");
if (page) {
  const host = file ? new FileHost(file.textContent) : new ServerHost();
  Object.assign(page, { host }); // so that a script, or a test, can ask what the page asks
  open(page, host, new AddressBar());
}

/** What a notebook calls for each place where it shows the widget. */
export default {
  render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
    const { place, remove } = frame(el, model.get("height"));
    const host = new WidgetHost(model);
    const close = open(place, host, new WidgetState(model));
    return () => {
      close();
      host.close();
      remove();
    };
  },
};
