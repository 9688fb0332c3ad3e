/** What was found and done in the code of a module, for the report. */
export interface Counts {
  loads: number;
  /** Bulk operations included. */
  stores: number;
  marks: number;
}
