// Gives a plugin host the rights of another user.
#pragma once

#include "job/host_user.hpp"

namespace sluice::host {

/// From now on this process, which is root's and has one thread, is that user's, and nothing makes it root's
/// again. Throws Refusal if that fails. Then the process must not go on.
void become(const job::HostUser& user);

}  // namespace sluice::host
