import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// One module for every host: the server's page, a notebook and a file on its own.
export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: process.env["WEIGHTDESK_STATIC"] ?? "../src/weightdesk/server/static",
    emptyOutDir: true,
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"], // these know light-dark(), which follows a notebook's theme
    lib: { entry: "src/main.ts", formats: ["es"], fileName: () => "desk.js", cssFileName: "desk" },
  },
  test: { environment: "jsdom" },
  resolve: process.env["VITEST"] ? { conditions: ["browser"] } : {},
});
