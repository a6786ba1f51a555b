// Nobody asks a simulated runtime for a canary: no signal carries a value here.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>

#include "fleet/reload_request.hpp"

namespace sluice::fleet {

class ReloadInbox {
 public:
  ReloadInbox(boost::asio::io_context&, const std::function<void(const ReloadRequest&)>&) {}
  void close() {}
};

}  // namespace sluice::fleet
