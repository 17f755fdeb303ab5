"""A bidirectional LSTM that tags padded sentences, as people write it for PyTorch."""

import dualgraph as torch
import dualgraph.nn as nn
import dualgraph.nn.functional as F
from dualgraph import optim

PAD = 0


class LSTMTagger(nn.Module):
    def __init__(self, embedding_dim, hidden_dim, vocab_size, tagset_size):
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab_size, embedding_dim, padding_idx=PAD)
        self.lstm = nn.LSTM(
            embedding_dim, hidden_dim, num_layers=2, bidirectional=True, batch_first=True
        )
        self.hidden2tag = nn.Linear(2 * hidden_dim, tagset_size)

    def forward(self, sentences):
        embeds = self.word_embeddings(sentences)
        lstm_out, (_, _) = self.lstm(embeds)
        tag_space = self.hidden2tag(lstm_out)
        return F.log_softmax(tag_space, dim=-1)


class Training:
    """The model, and what a training loop does around its step."""

    def __init__(self, dtype, embedding_dim=12, hidden_dim=16, length=9, batch_size=6):
        self.size = (batch_size, length)
        self.model = LSTMTagger(embedding_dim, hidden_dim, 40, 7).to(dtype)
        self.loss_function = nn.NLLLoss(ignore_index=-100)
        self.optimizer = optim.Adam(self.model.parameters(), lr=5e-3)

    def batch(self, rng):
        words = rng.integers(1, 40, self.size)
        tags = words * 3 % 7
        for i, n in enumerate(rng.integers(3, self.size[1] + 1, self.size[0])):
            words[i, n:], tags[i, n:] = PAD, -100
        return torch.from_numpy(words), torch.from_numpy(tags)

    def before(self, i):
        pass

    def step(self, words, tags):
        self.model.zero_grad()
        scores = self.model(words)
        loss = self.loss_function(scores.flatten(0, 1), tags.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        return loss
