// Runs of worlds: one in this process, or many in processes of their own, because what a killed runtime owned
// is never released.
#pragma once

#include <functional>
#include <vector>

#include "check/options.hpp"
#include "world/world.hpp"

namespace sluice::sim {

Report run_here(const Options& options);
/// A run in a process of its own. If that dies, its report says so.
Report run_apart(const Options& options);
/// One for each of the options, several at once. `take` gets the reports as they come; false ends the rest.
void run_apart(const std::vector<Options>& all, int at_once,
               const std::function<bool(std::size_t, Report)>& take);

// What sluice-sim does; these return its exit code.
int run_many(const Options& options);
int show_teeth(const Options& options);
int run_twice(const Options& options, const char* program);
int shrink(const Options& options);

}  // namespace sluice::sim
