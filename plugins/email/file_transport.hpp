// Writes mails to a directory instead of sending them, for development: <digest>.eml has exactly the bytes
// that would be sent. A repeated attempt replaces its own file.
#pragma once

#include <string>
#include <utility>

#include "transport.hpp"

namespace email {

class FileTransport : public Transport {
 public:
  explicit FileTransport(std::string directory) : directory_(std::move(directory)) {}
  sluice::Result send(const Mail& mail, const sluice::Job& job, Receipt& receipt) override;

 private:
  const std::string directory_;
};

}  // namespace email
