/* The worker as a sandbox around one program: `lao-worker --run PLAN STATUS FILE NAME ARGUMENT...`. */
#ifndef LAO_WORKER_RUN_H
#define LAO_WORKER_RUN_H

/* Reads a plan (native/sandbox/plan.h) from the descriptor PLAN until its end, confines this process by it, and becomes
 * the program in FILE, which is told NAME and the arguments. Returns an exit code only when that failed; the reason goes
 * to the descriptor STATUS, which a program that was started never sees. */
int lao__run_program(int argument_count, char **arguments);

#endif
