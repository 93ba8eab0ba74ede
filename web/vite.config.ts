import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const NOTICES = "THIRD-PARTY-NOTICES.md";
const PLACE = /(["'`])%THIRD-PARTY-NOTICES%\1/; // of src/keys/notices.ts; the minifier chooses the quotes

/** Puts the notices of all that is bundled into the script itself, which also travels without the other files. */
const notices: Plugin = {
  name: "weightdesk:notices",
  apply: "build",
  generateBundle: {
    order: "post", // behind Vite's own plugin, which gathers them
    handler(_options, bundle) {
      const gathered = bundle[NOTICES];
      const script = bundle["desk.js"];
      if (gathered?.type !== "asset" || script?.type !== "chunk") throw new Error(`no ${NOTICES} to put into desk.js`);
      if (!PLACE.test(script.code)) throw new Error("desk.js has no place for the notices");
      const text = JSON.stringify(gathered.source.toString());
      script.code = script.code.replace(PLACE, () => text);
    },
  },
};

// One module for every host: the server's page, a notebook and a file on its own.
export default defineConfig({
  plugins: [svelte(), notices],
  build: {
    outDir: process.env["WEIGHTDESK_STATIC"] ?? "../src/weightdesk/server/static",
    emptyOutDir: true,
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"], // these know light-dark(), which follows a notebook's theme
    lib: { entry: "src/main.ts", formats: ["es"], fileName: () => "desk.js", cssFileName: "desk" },
    license: { fileName: NOTICES },
  },
  test: { environment: "jsdom" },
  resolve: process.env["VITEST"] ? { conditions: ["browser"] } : {},
});
