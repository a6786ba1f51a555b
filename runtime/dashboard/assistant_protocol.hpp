// The Model Context Protocol, by which an assistant calls tools: JSON-RPC 2.0, a message a line. Revisions
// 2024-11-05 to 2025-11-25.
#pragma once

#include <cstddef>
#include <string>

#include "dashboard/assistant_tools.hpp"

namespace sluice::dashboard {

/// One thread.
class AssistantProtocol {
 public:
  static constexpr std::size_t most_line = 4 << 20;  ///< bytes; a longer line is refused

  AssistantProtocol(AssistantTools& tools, std::string version)
      : tools_(tools), version_(std::move(version)) {}

  /// The answer to a line, on one line without its end; empty if none is due.
  std::string answer(const std::string& line);

 private:
  AssistantTools& tools_;
  const std::string version_;  ///< of Sluice
};

}  // namespace sluice::dashboard
