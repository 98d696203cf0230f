#include "cli/program.h"

int main(int argc, char** argv) { return qnext::run_program(argc, argv); }
