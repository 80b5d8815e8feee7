#include "team.h"

#include <xmmintrin.h>

#include <cstdlib>

namespace kdx {

namespace {

int configuredThreads() {
  const char* text = std::getenv("TF_NUM_INTRAOP_THREADS");
  const int threads = text == nullptr ? 0 : std::atoi(text);
  return threads > 0 ? threads : static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

Team& Team::instance() {
  // Never destroyed: at exit TensorFlow's own threads may still be in an operation.
  static Team* team = new Team(configuredThreads());
  return *team;
}

Team::Team(int threads) {
  for (int index = 1; index < threads; ++index) std::thread([this] { serve(); }).detach();
}

void Team::run(const std::function<void()>& job) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    job_ = &job;
    control_ = _mm_getcsr();
    ++number_;
  }
  wake_.notify_all();
  job();
  std::unique_lock<std::mutex> lock(mutex_);
  job_ = nullptr;
  left_.wait(lock, [this] { return inside_ == 0; });
}

void Team::serve() {
  uint64_t last = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return job_ != nullptr && number_ != last; });
    const std::function<void()>& job = *job_;
    last = number_;
    ++inside_;
    _mm_setcsr(control_);
    lock.unlock();
    job();
    lock.lock();
    if (--inside_ == 0) left_.notify_one();
  }
}

}  // namespace kdx
