/** A style sheet as text: Vite's way to say it, which build.mjs follows. */
declare module "*.css?inline" {
  const css: string;
  export default css;
}
