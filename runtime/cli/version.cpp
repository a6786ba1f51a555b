// sluice version.
#include <sluice/plugin.h>

#include <iostream>

#include "base/version.hpp"
#include "cli/command.hpp"

namespace sluice::cli {

void add_version(const Command& program, int& code) {
  program.add_subcommand("version", "Print the version, and that of the plugin ABI").callback([&] {
    std::cout << "sluice " << base::version() << ", plugin ABI " << SLUICE_ABI_MAJOR << "."
              << SLUICE_ABI_MINOR << "\n";
    code = ExitCode::ok;
  });
}

}  // namespace sluice::cli
