// The order of the rooms in src/, from the bottom up: a room imports from those before it, never from one after it or beside
// it. Run by `npm run rooms`, and by `make test`.

const ORDER = [["wire"], ["state", "dom"], ["text"], ["draw"], ["view"], ["panels"], ["saved"]];
/** A table that imports nothing: every room may read it. */
const TIMING = "^src/state/timing\\.ts$";

const below = (level) => ORDER.slice(0, level).flat();
const inRooms = (rooms) => `^src/(${rooms.join("|")})/`;

/** A style sheet as text belongs to whoever puts it into the page. */
const STYLES = "^src/styles/";

const rooms = ORDER.flatMap((level, place) =>
  level.map((room) => ({
    name: `${room}-imports-from-below`,
    comment: `${room} may import from itself${place > 0 ? ` and ${below(place).join(", ")}` : " alone"}.`,
    severity: "error",
    from: { path: inRooms([room]) },
    to: { path: "^src/", pathNot: [inRooms([room, ...below(place)]), TIMING, STYLES] },
  })),
);

/** What travels first must not hold what is fetched later. */
const entries = [
  { entry: "widget", allowed: ORDER.slice(0, 5).flat() },
  { entry: "panels", allowed: ORDER.slice(0, 6).flat() },
  { entry: "exemplars", allowed: ORDER.slice(0, 6).flat() },
  { entry: "timeline", allowed: ORDER.slice(0, 6).flat() },
  { entry: "lab", allowed: ORDER.slice(0, 6).flat() },
  { entry: "surgery", allowed: ORDER.slice(0, 6).flat() },
].map(({ entry, allowed }) => ({
  name: `${entry}-holds-its-rooms-alone`,
  severity: "error",
  from: { path: `^src/${entry}\\.ts$` },
  to: { path: "^src/", pathNot: [inRooms(allowed), STYLES] },
}));

export default {
  forbidden: [
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    { name: "timing-is-a-table", severity: "error", from: { path: TIMING }, to: {} },
    {
      name: "nothing-unused",
      comment: "A file that no module of the page holds.",
      severity: "error",
      from: {
        path: "^src/(widget|panels|exemplars|timeline|lab|surgery|saved_page|saved_lab|saved_timeline)\\.ts$",
      },
      to: { path: "^src/.+/.*\\.ts$", pathNot: "\\.d\\.ts$", reachable: false },
    },
    {
      name: "panels-know-nothing-of-each-other",
      severity: "error",
      from: { path: "^src/panels/([^/]+)/" },
      to: { path: "^src/panels/[^/]+/", pathNot: "^src/panels/$1/" },
    },
    ...rooms,
    ...entries,
  ],
  options: {
    tsPreCompilationDeps: true, // imports of types count
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
  },
};
