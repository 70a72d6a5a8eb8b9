/** Whether everything is wanted (`HOLDFAST_TEST_FULL=1`), or what a change needs to be tried with. */
export const everything: boolean = process.env["HOLDFAST_TEST_FULL"] !== undefined;
