// Asks plugins for their descriptions: loads each in a separate host and ends the host after that. The
// constructor does all of it. Use it on one thread.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "fleet/fleet.hpp"

namespace sluice::cli {

class Inspection : private fleet::Listener {
 public:
  Inspection(const config::Config& config, const std::vector<std::string>& files);
  const std::vector<fleet::Plugin>& plugins() const { return fleet_.plugins(); }

 private:
  void on_round_end() override;
  void on_returned(std::vector<job::Finished> jobs) override;

  fleet::Fleet fleet_;
};

}  // namespace sluice::cli
