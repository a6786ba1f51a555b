// sluice version.
#include <sluice/plugin.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/version.hpp"
#include "cli/command.hpp"

namespace sluice::cli {

void add_version(CLI::App& program, int& code) {
  program.add_subcommand("version", "Print the version, and that of the plugin ABI")->callback([&] {
    std::cout << "sluice " << base::version() << ", plugin ABI " << SLUICE_ABI_MAJOR << "."
              << SLUICE_ABI_MINOR << "\n";
    code = ExitCode::ok;
  });
}

}  // namespace sluice::cli
