import { defineConfig } from "vite";

// Two files with fixed names, which are in the program. The layout adds a version to their addresses.
export default defineConfig({
  publicDir: "public",
  build: {
    outDir: "../assets",
    emptyOutDir: true,
    cssCodeSplit: false,
    modulePreload: false,
    rollupOptions: {
      input: "src/app.ts",
      output: { entryFileNames: "app.js", assetFileNames: "app[extname]" },
    },
  },
});
